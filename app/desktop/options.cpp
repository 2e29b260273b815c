#include "app/desktop/options.h"

#include <QCommandLineParser>
#include <QCoreApplication>

using namespace Qt::StringLiterals;

namespace switchyard {

ParsedOptions parseOptions(const QStringList& arguments) {
    QCommandLineParser parser;
    parser.setApplicationDescription(
        u"Chat with mixture-of-experts models on this machine and tune them while they talk."_s);
    const QCommandLineOption help = parser.addHelpOption();
    const QCommandLineOption version = parser.addVersionOption();
    const QCommandLineOption model(u"model"_s, u"Load this model (GGUF)."_s, u"M"_s);
    const QCommandLineOption data(u"data-dir"_s, u"Keep chats, presets and models in this folder."_s, u"D"_s);
    const QCommandLineOption prompt(u"prompt"_s, u"Send this as the first message."_s, u"S"_s);
    const QCommandLineOption grab(u"grab"_s, u"Save a picture of the window after the answer."_s,
                                  u"FILE.png"_s);
    const QCommandLineOption quit(u"quit"_s, u"End after the answer, or when the model is loaded."_s);
    const QCommandLineOption timing(u"timing"_s, u"Say on stderr how long starting took."_s);
    parser.addOptions({model, data, prompt, grab, quit, timing});
    parser.addPositionalArgument(u"file"_s, u"A model to open, as --model does."_s, u"[FILE]"_s);

    ParsedOptions parsed;
    const auto end = [&parsed](int code, const QString& text) {
        parsed.exit_code = code;
        parsed.text = text;
        return parsed;
    };
    if (!parser.parse(arguments))
        return end(2, u"switchyard: %1"_s.arg(parser.errorText()));
    if (parser.isSet(help))
        return end(0, parser.helpText());
    if (parser.isSet(version))
        return end(0, u"switchyard %1\n"_s.arg(QCoreApplication::applicationVersion()));
    const QStringList files = parser.positionalArguments();
    if (files.size() + (parser.isSet(model) ? 1 : 0) > 1)
        return end(
            2, u"switchyard: unexpected argument \"%1\"; one model is opened at a time"_s.arg(files.last()));
    DesktopOptions& o = parsed.options;
    o.model = files.isEmpty() ? parser.value(model) : files.first();
    o.data_folder = parser.value(data);
    o.prompt = parser.value(prompt);
    o.grab = parser.value(grab);
    o.quit = parser.isSet(quit);
    o.timing = parser.isSet(timing) || qEnvironmentVariableIsSet("SWITCHYARD_TIMING");
    if (!files.isEmpty() && o.model.isEmpty())
        return end(2, u"switchyard: the name of the model file is empty"_s);
    for (const auto& [option, value] : {std::pair{model, o.model}, {data, o.data_folder}, {grab, o.grab}}) {
        if (parser.isSet(option) && value.isEmpty())
            return end(2, u"switchyard: --%1 needs a value"_s.arg(option.names().first()));
    }
    return parsed;
}

} // namespace switchyard
