#[rpc_service(namespace = "store.")]
trait Store<K = String>
where
    K: Serialize + DeserializeOwned + Send + Sync,
    Self::Value: Clone,
{
    type Value: Serialize + DeserializeOwned;

    fn clear(&self);
    #[rpc(name = "set", timeout = "300ms", blocking)]
    fn put(&self, key: K, value: Self::Value) -> Option<Self::Value>;
    async fn fetch(&self, cx: Context, key: &K, versions: &[u16]) -> Result<Self::Value>;
}
