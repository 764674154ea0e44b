"""A server that runs each withdrawal once, and a client that gets the reason of a failure."""

import asyncio

from rpcudp_fast import RemoteError, RPCProtocol, local_addr, rpc


class Account(RPCProtocol):
    balance = 100

    @rpc(at_most_once=True)
    def rpc_withdraw(self, sender: tuple[str, int], amount: int) -> int:
        """Withdraws money. Returns the balance."""
        if amount > self.balance:
            raise ValueError(f"{amount - self.balance} are missing")
        self.balance -= amount
        return self.balance


async def main() -> None:
    loop = asyncio.get_running_loop()
    serving, account = await loop.create_datagram_endpoint(Account, local_addr=("127.0.0.1", 0))
    calling, client = await loop.create_datagram_endpoint(RPCProtocol, local_addr=("127.0.0.1", 0))
    address = local_addr(account)
    print(await client.call(address, "withdraw", 30, timeout=2, retransmit=True))
    try:
        await client.call(address, "withdraw", 1_000)
    except RemoteError as error:
        print(f"{error.name}: {error.text}")
    calling.close()
    serving.close()


asyncio.run(main())
