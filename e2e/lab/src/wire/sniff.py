# Every packet of an interface, as a pcap file: for where tcpdump cannot run. Arguments: interface, file.
import socket, struct, sys, time

ETH_P_ALL, LONGEST, ETHERNET = 3, 262144, 1
interface, path = sys.argv[1:]
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
packets.bind((interface, 0))
with open(path, "wb", buffering=0) as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, LONGEST, ETHERNET))
    print("listening on", interface, flush=True)
    while True:
        packet = packets.recv(LONGEST)
        now = time.time()
        length = len(packet)
        file.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), length, length) + packet)
