// Asks a scripted service in a chat of the given data folder and keeps streaming until it is killed. With
// --only-open the store does what it does by itself; with --count it tells how many tokens are there each
// time some came.
#include "app/services/chat_controller.h"
#include "tests/support/scripted_services.h"

#include <QCoreApplication>

#include <cstdio>

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    using namespace switchyard;
    ConversationStore store(app.arguments().value(1));
    if (app.arguments().value(2) == QStringLiteral("--only-open")) {
        QObject::connect(&store, &ConversationStore::ready, [] {
            std::puts("open");
            std::fflush(stdout);
        });
        return app.exec();
    }
    FakeScript script;
    script.text = QStringLiteral("word ").repeated(100000);
    script.tokens_per_second = 300;
    ScriptedServices answers(script);
    CurrentModel model(answers.models);
    ChatController controller(store, model, answers.runs);
    QObject::connect(&store, &ConversationStore::ready, [&] {
        model.use(QStringLiteral("example.gguf"));
        controller.newChat();
        controller.send(QStringLiteral("Tell me something long"));
    });
    QObject::connect(&controller, &ChatController::messageChanged, [&] {
        static bool told = false;
        if (app.arguments().contains(QStringLiteral("--count"))) {
            std::printf("%zu\n", controller.conversation().thread().last().run.tokens.size());
            std::fflush(stdout);
            return;
        }
        // Two autosaves lie behind the 700th token.
        if (!told && controller.conversation().thread().last().run.tokens.size() > 700) {
            told = true;
            std::puts("streaming");
            std::fflush(stdout);
        }
    });
    return app.exec();
}
