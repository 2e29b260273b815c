// The English words of the table of controls that the window translates (context "Controls").
#pragma once

#include <vector>

namespace switchyard {

const std::vector<const char*>& controlStrings();

} // namespace switchyard
