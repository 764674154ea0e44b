"""A client on OpenSSL's own QUIC, through ctypes: one link, and calls over it on streams.

OpenSSL has no DATAGRAM frames (RFC 9221), and its program `s_client` opens no unidirectional stream, so that it can make
a handshake, but no call. The command line is

    openssl_client.py LIBSSL ADDR PORT KEY_FILE EXPECTED_KEY

with a PEM file or `-` for no key, and the server's key in hexadecimal or `-` for any. Each line of stdin is a frame in
hexadecimal, to send on a stream; then as many streams of the server are read, and each is printed as such a line. A
handshake that fails, or a link that the server has closed, ends the program with the code of QUIC on stderr.
"""

import ctypes
import socket
import sys

# Constants of openssl/ssl.h.
FILETYPE_PEM = 1
VERIFY_NONE, VERIFY_PEER = 0, 1
CERT_TYPE_RPK = b"\x02"
DANE_EE, SELECTOR_SPKI, MATCHING_FULL = 3, 1, 0
STREAM_FLAG_UNI = 1
STREAM_MODE_NONE = 0
INCOMING_STREAM_ACCEPT = 1

# The DER of an Ed25519 public key up to the key.
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


class CloseInfo(ctypes.Structure):
    _fields_ = [
        ("error_code", ctypes.c_uint64),
        ("frame_type", ctypes.c_uint64),
        ("reason", ctypes.c_char_p),
        ("reason_len", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
    ]


class Library:
    """The functions of libssl. All pointers are opaque."""

    def __init__(self, path):
        self._ssl = ctypes.CDLL(path)

    def __getattr__(self, name):
        function = getattr(self._ssl, name)
        returns_pointer = name in {
            "OSSL_QUIC_client_method", "SSL_CTX_new", "SSL_new", "BIO_new_dgram", "BIO_ADDR_new", "SSL_new_stream",
            "SSL_accept_stream",
        }  # fmt: skip
        function.restype = ctypes.c_void_p if returns_pointer else ctypes.c_int

        def call(*arguments):
            pointers = [ctypes.c_void_p(a) if isinstance(a, int) and a > 0xFFFF_FFFF else a for a in arguments]
            return function(*pointers)

        return call


def fail(ssl, link):
    info = CloseInfo()
    ssl.SSL_get_conn_close_info(link, ctypes.byref(info), ctypes.sizeof(info))
    sys.exit(f"closed {'here' if info.flags & 1 else 'by the server'} with code {info.error_code:#x}")


def connect(ssl, address, key_file, expected):
    context = ssl.SSL_CTX_new(ssl.OSSL_QUIC_client_method())
    assert context, "OpenSSL 3.2 or later with QUIC"
    if key_file != "-":
        assert ssl.SSL_CTX_use_PrivateKey_file(context, key_file.encode(), FILETYPE_PEM) == 1
    for set_type in (ssl.SSL_CTX_set1_client_cert_type, ssl.SSL_CTX_set1_server_cert_type):
        assert set_type(context, CERT_TYPE_RPK, ctypes.c_size_t(1)) == 1
    assert ssl.SSL_CTX_dane_enable(context) == 1
    link = ssl.SSL_new(context)
    protocol = b"\x08rpcudp/1"
    assert ssl.SSL_set_alpn_protos(link, protocol, len(protocol)) == 0
    if expected == "-":
        ssl.SSL_set_verify(link, VERIFY_NONE, None)
    else:
        spki = SPKI_PREFIX + bytes.fromhex(expected)
        assert ssl.SSL_dane_enable(link, b"peer.invalid") == 1
        added = ssl.SSL_dane_tlsa_add(link, DANE_EE, SELECTOR_SPKI, MATCHING_FULL, spki, ctypes.c_size_t(len(spki)))
        assert added == 1
        ssl.SSL_set_verify(link, VERIFY_PEER, None)

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.setblocking(False)
    bio = ssl.BIO_new_dgram(udp.detach(), 1)
    ssl.SSL_set_bio(link, bio, bio)
    peer = ssl.BIO_ADDR_new()
    port = ctypes.c_ushort(socket.htons(address[1]))
    assert ssl.BIO_ADDR_rawmake(peer, socket.AF_INET, socket.inet_aton(address[0]), ctypes.c_size_t(4), port) == 1
    assert ssl.SSL_set1_initial_peer_addr(link, peer) == 1
    assert ssl.SSL_set_default_stream_mode(link, STREAM_MODE_NONE) == 1
    if ssl.SSL_connect(link) != 1:
        fail(ssl, link)
    assert ssl.SSL_set_incoming_stream_policy(link, INCOMING_STREAM_ACCEPT, ctypes.c_uint64(0)) == 1
    return link


def send(ssl, link, frame):
    stream = ssl.SSL_new_stream(link, ctypes.c_uint64(STREAM_FLAG_UNI))
    if not stream:
        fail(ssl, link)
    data = len(frame).to_bytes(4, "big") + frame
    written = ctypes.c_size_t()
    if ssl.SSL_write_ex(stream, data, ctypes.c_size_t(len(data)), ctypes.byref(written)) != 1:
        fail(ssl, link)
    assert written.value == len(data)
    assert ssl.SSL_stream_conclude(stream, ctypes.c_uint64(0)) == 1


def receive(ssl, link):
    stream = ssl.SSL_accept_stream(link, ctypes.c_uint64(0))
    if not stream:
        fail(ssl, link)
    data = b""
    buffer = ctypes.create_string_buffer(1 << 16)
    count = ctypes.c_size_t()
    while ssl.SSL_read_ex(stream, buffer, ctypes.c_size_t(len(buffer)), ctypes.byref(count)) == 1:
        data += buffer.raw[: count.value]
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    return data[4:]


def main():
    library, host, port, key_file, expected = sys.argv[1:]
    ssl = Library(library)
    link = connect(ssl, (host, int(port)), key_file, expected)
    frames = [bytes.fromhex(line) for line in sys.stdin]
    for frame in frames:
        send(ssl, link, frame)
    for _ in frames:
        print(receive(ssl, link).hex())
    ssl.SSL_shutdown(link)


main()
