// What the engine says of a file or a run, for the window: the reason first, the path last, in the window's
// language.
#pragma once

#include <QString>
#include <QStringList>

#include <exception>

namespace switchyard {

/// `english` as the engine's errors are ("PATH: reason"). `path`: the model it speaks of; "": none, or none
/// that is known: then it is found where the reason is one of the engine's. A sentence without a translation
/// stays English.
QString engineSentence(const QString& english, const QString& path = {});
QStringList engineSentences(const QStringList& english);
/// What computes, as the engine names it ("CPU (AVX2), 2 threads").
QString engineDevice(const QString& english);
/// Of what the engine threw.
QString engineSentence(const std::exception& error, const QString& path = {});
/// What it threw in the engine's own language, for what is stored and said later, maybe in another one.
QString engineReason(const std::exception& error);
/// Precisions that stand in for the chosen one, as the engine has them ("Q5_0 where rows are not divisible by
/// 256, ...").
QString engineFallbacks(const QString& english);

} // namespace switchyard
