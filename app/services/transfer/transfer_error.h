// What ends an export or an import, in the window's language: of an export a sentence with cause and way on,
// of an import the clause for the sentence that names the file.
#pragma once

#include <QString>

#include <exception>

namespace switchyard {

class TransferError : public std::exception {
  public:
    explicit TransferError(const QString& sentence) : sentence_(sentence) {}
    const QString& sentence() const { return sentence_; }
    const char* what() const noexcept override { return "chats could not be exported or imported"; }

  private:
    QString sentence_;
};

/// It was asked to stop.
class TransferStopped : public std::exception {};

} // namespace switchyard
