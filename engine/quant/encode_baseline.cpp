#define SWITCHYARD_ISA baseline
#include "engine/quant/encode_blocks.h"
