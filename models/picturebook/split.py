"""Which combinations of attributes are held out: a fixed rule, the same in every process."""

import zlib

_ONE_IN = 20
# Chosen so that the four showpiece combinations (a pink two-storey shoe house, a futuristic city
# with flying cars, futuristic robots with neon lights, serene mountains with a river) are trained on.
_SALT = "picturebook-2"


def held_out(main_attributes: tuple[str, ...]) -> bool:
    """Tell whether a combination of main attributes is never shown in training (one in twenty)."""
    key = "|".join((_SALT, *main_attributes))
    return zlib.crc32(key.encode()) % _ONE_IN == 0
