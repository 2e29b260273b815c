// How the parts of a model in several files are called: NAME-00001-of-00003.gguf.
#pragma once

#include <QString>

#include <optional>

namespace switchyard {

struct SplitName {
    QString stem;   ///< what stands in front of the number, with a folder where one was given
    int number = 0; ///< of this part
    QString parts;  ///< how many there are, as it is written
    QString ending; ///< ".gguf" as it is written

    int count() const { return parts.toInt(); }
    /// What part `other` of the same model is called.
    QString part(int other) const;
};

/// nullopt: a file that is whole.
std::optional<SplitName> splitName(const QString& file);

} // namespace switchyard
