// The messages of another program's chat, put in order: what hangs on nothing is a beginning, a circle is
// cut, what says nothing is passed over, and the steps of one answer (thoughts, tools, words) are one
// message.
#pragma once

#include "app/services/whole_chat.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace switchyard {

class ForeignTree {
  public:
    struct Node {
        std::string key, parent;           ///< parent empty: a beginning
        std::vector<std::string> children; ///< their order, where it is known
        /// Its author, parts, time, model, state and error; without parts and error it is passed over.
        Message message;
    };
    /// The first one of a key counts.
    void add(Node node);
    /// The branch through this one is shown.
    void setCurrent(const std::string& key) { current_ = key; }
    /// Gives the chat its messages with ids of their own. Throws TransferError where there are too many.
    void fill(WholeChat& chat);

  private:
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    struct Open; ///< an answer that may go on
    std::size_t find(const std::string& key) const;
    std::vector<std::vector<std::size_t>> childrenOf(std::vector<std::size_t>& beginnings) const;
    void splice();
    std::vector<bool> shownNodes() const;

    std::vector<Node> nodes_;
    std::unordered_map<std::string, std::size_t> by_key_;
    std::string current_;
    /// Of each node those that say something and follow it next; the last: the beginnings.
    std::vector<std::vector<std::size_t>> followers_;
};

} // namespace switchyard
