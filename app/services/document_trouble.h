// Why there is no text in a document, as its reader tells the program that asked.
#pragma once

namespace switchyard {

/// The reader's exit codes: only add at the end.
enum class DocumentTrouble {
    None,
    Unreadable = 10, ///< the file cannot be opened
    NotSupported,
    Encrypted,
    NoText, ///< pictures of pages, mostly
    Damaged,
    TooLarge ///< it says more than a message can hold, or unfolds to more than it should
};

} // namespace switchyard
