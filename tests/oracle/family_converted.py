"""python family_converted.py LLAMA_CPP FOLDER OUT: a drawn model as llama.cpp's converter writes it, in F32 and without a tokenizer."""
import pathlib
import sys


def main():
    llama, folder, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    sys.path[:0] = [llama, llama + "/gguf-py"]
    import gguf
    import torch
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class

    with torch.inference_mode():
        hparams = ModelBase.load_hparams(folder, False)
        model_class = get_model_class(get_model_architecture(hparams, ModelType.TEXT), mmproj=False)

        def no_tokenizer(self):
            self.gguf_writer.add_vocab_size(hparams.get("text_config", hparams)["vocab_size"])

        model_class.set_vocab = no_tokenizer
        model_class(folder, gguf.LlamaFileType.ALL_F32, out).write()


if __name__ == "__main__":
    main()
