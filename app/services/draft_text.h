// A draft as one string, for the column that holds it.
#pragma once

#include "app/services/conversation.h"

namespace switchyard {

/// The text itself where there is nothing but text, otherwise JSON behind a mark that nobody types.
QString draftToText(const Draft& draft);
/// What draftToText() wrote, or a plain text. What cannot be read is taken for text, so that nothing is lost.
Draft draftFromText(const QString& stored);

} // namespace switchyard
