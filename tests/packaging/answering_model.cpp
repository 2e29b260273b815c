// Writes a tiny model that answers each question with the same words.
// usage: answering_model FILE.gguf
#include "scripted_model.h"

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    switchyard::chatScript({"It ", "is ", "blue."}).write(argv[1]);
    return 0;
}
