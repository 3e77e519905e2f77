"""Golden value of test_data.c, hash_is_stable: BLAKE2b-256 over frame, class names, pixels, labels and splits."""
import hashlib
import struct

h = hashlib.blake2b(digest_size=32)
h.update(struct.pack("<6Q", 2, 2, 2, 1, 8, 2))  # n, height, width, channels, depth, classes
for name in (b"0", b"1"):
    h.update(struct.pack("<Q", len(name)) + name)
h.update(bytes(i * 30 for i in range(8)))
h.update(struct.pack("<2i", 0, 1))
h.update(bytes([1, 1]))
print("blake2b:" + h.hexdigest())
