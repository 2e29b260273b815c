// What a question begins with that is not what it is about.
#pragma once

#include <QString>

namespace switchyard {

/// A line without what asks for something before it says for what: "Can you please write a long essay about
/// X" is "X", "帮我写一篇关于 X 的文章" too. The line as it is where too little would be left of it; empty
/// where it is a greeting and nothing else.
QString withoutLeadIns(const QString& line);

} // namespace switchyard
