// A chat's title as a model makes it: what it is asked, and what is taken of what it says.
#pragma once

#include "app/services/run_service.h"

namespace switchyard {

/// What a title is made of.
struct TitleMaterial {
    QString question, answer; ///< the first ones of the chat
    QString gist;             ///< its title so far
};

/// So many tokens at most, thinking included; what a title needs of them is far less.
inline constexpr int kMostTitleTokens = 256;

/// Asks `model` for a title: a run that anything else comes before and of which nothing is kept. The question
/// and the answer are cut to what a title needs.
GenerationRequest titleRequest(const ModelKey& model, const Tuning& defaults, const TitleMaterial& of);

/// Whether what was written so far, without its thinking, holds all that is used of it: the rest need not be
/// waited for.
bool isTitleComplete(const QString& written);

/// The title in what a model wrote, its thinking left out: without marks, quotes and "Title:". Empty where it
/// is none, and the gist is better: nothing, several lines, a sentence that answers, longer than a title, in
/// another language than the question, no word of the chat in it, the question or the answer's beginning over
/// again, or what was asked of the model.
QString titleIn(const QString& written, const TitleMaterial& of);

} // namespace switchyard
