#define SWITCHYARD_ISA avx2
#include "engine/quant/encode_blocks.h"
