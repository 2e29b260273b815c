// Equal-sized groups of vectors that point the same way.
#pragma once

#include <cstdint>
#include <vector>

namespace switchyard {

/// Splits `count` vectors of `size` floats (rows of `vectors`) into `groups` groups of count / groups each,
/// so that the vectors of a group are alike (spherical k-means with balanced assignment). PRECOND: groups
/// divides count. Returns each vector's group. The same input gives the same groups.
std::vector<std::uint8_t> balanced_groups(std::vector<float> vectors, int count, int size, int groups);

} // namespace switchyard
