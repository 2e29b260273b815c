// The slides of a presentation and the sheets of a workbook, as they follow each other: the number in a
// file's name says nothing of its place, nor of its title.
#pragma once

#include "app/documents/archive.h"

#include <vector>

namespace switchyard {

struct OfficePart {
    QString path;  ///< in the archive
    QString title; ///< empty: it has none
};

/// What `element`s of the archive's file `book` ("xl/workbook.xml") name, in their order, at most `most`;
/// where the book names none that is there, `numbered` ("xl/worksheets/sheet") by their numbers. Throws
/// DocumentFailure.
std::vector<OfficePart> officeParts(Archive& archive, const QString& book, const QString& element,
                                    const QString& numbered, int most);

} // namespace switchyard
