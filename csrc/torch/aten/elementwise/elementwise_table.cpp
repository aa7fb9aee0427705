// Static data and registrations of every elementwise overload, generated from the op tables.
#include <torch/library.h>

#include "torch/aten/elementwise/elementwise.h"

#include "aten_headers.inc"

namespace hologram::aten {

#include "aten_table.inc"

}  // namespace hologram::aten
