"""An assertion that thread 7 breaks."""
from launch import Launch, pack

LAUNCHES = [Launch("checked", [pack("i", range(32))], block=32)]
