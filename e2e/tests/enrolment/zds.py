#!/usr/bin/env python3
"""A node proxy of few words that speaks ZDS: it takes what a Pod dials, says where that was to go, and hangs up."""
import ctypes
import os
import socket
import struct
import threading

ADD, DELETE, ACK = 0x0A, 0x12, b"\x0a\x00"
CLONE_NEWNET = 0x40000000
SO_ORIGINAL_DST = 80


def serve(netns, listening):
    # setns(2) moves this thread alone.
    if ctypes.CDLL(None).setns(netns, CLONE_NEWNET) != 0:
        raise OSError("setns")
    listener = socket.create_server(("", 15001))
    listening.set()
    while True:
        client, _ = listener.accept()
        destination = client.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        port, address = struct.unpack_from("!H4s", destination, 2)
        client.sendall(f"to {socket.inet_ntoa(address)}:{port}".encode())
        client.close()


agent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
agent.connect(os.environ["PEER_ZDS_SOCKET"])
agent.sendall(b"\x08\x01")
while True:
    packet, descriptors, _, _ = socket.recv_fds(agent, 1024, 1)
    if not packet:
        break
    uid = packet[4 : 4 + packet[3]].decode() if packet[0] in (ADD, DELETE) else ""
    if packet[0] == ADD:
        print("added", uid, os.fstat(descriptors[0]).st_ino, flush=True)
        listening = threading.Event()
        threading.Thread(target=serve, args=(descriptors[0], listening), daemon=True).start()
        listening.wait(10)
    elif packet[0] == DELETE:
        print("deleted", uid, flush=True)
    agent.sendall(ACK)
