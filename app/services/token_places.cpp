#include "app/services/token_places.h"

namespace switchyard {

TextPlace TokenPlaces::begin(int index) const {
    if (index < 0)
        return begins_.empty() ? TextPlace{} : begins_.front();
    return index < size() ? begins_[static_cast<std::size_t>(index)] : end_;
}

void TokenPlaces::follow(const TokenPlaces& other) {
    if (other.size() < size())
        begins_.clear();
    begins_.insert(begins_.end(), other.begins_.begin() + size(), other.begins_.end());
    end_ = other.end_;
}

} // namespace switchyard
