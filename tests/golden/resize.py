"""Golden values of test_pictures.c, resizing: Pillow's LANCZOS and its conversion to grey (ITU-R BT.601)."""
import numpy
import PIL
from PIL import Image

pixels = numpy.array([[80 + (x * x * 3 + y * 29 + x * y * 5) % 100 for x in range(15)] for y in range(13)], numpy.uint8)
square = Image.fromarray(pixels[:, 1:14])  # centre square of 15 x 13
print("Pillow", PIL.__version__)
print("RESIZE_6", ", ".join(map(str, numpy.asarray(square.resize((6, 6), Image.LANCZOS)).ravel())))
print("RESIZE_20", ", ".join(map(str, numpy.asarray(square.resize((20, 20), Image.LANCZOS))[7])))
rgb = Image.fromarray(pixels.ravel()[:15].reshape(1, 5, 3), "RGB")
print("LUMA", ", ".join(map(str, numpy.asarray(rgb.convert("L")).ravel())))
