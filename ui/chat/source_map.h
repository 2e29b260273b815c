// From the source of a text to where it stands in a document, and back.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace switchyard {

/// A stretch of the source and what of the document stands for it: the same text, unit by unit (UTF-16), or
/// something else of another length, which stands for all of it at once: an entity's character, a formula.
struct SourceRun {
    std::size_t begin = 0, end = 0; ///< bytes of the source
    int position = 0;               ///< in the document, of `begin`
    static constexpr int as_written = -1;
    int shown = as_written; ///< positions that stand for all of it
};

/// Runs in the order of the source, which is the order of the document. What is between two runs is mark-up,
/// and stands where the run before it ends.
/// Position in the document of a byte of the source.
int shownPosition(const std::vector<SourceRun>& runs, std::string_view source, std::size_t offset);
/// The byte of the source that stands at a position of the document.
std::size_t sourceOffset(const std::vector<SourceRun>& runs, std::string_view source, int position);

} // namespace switchyard
