// The places of a text in a thread. Messages out of sight have no document: their source is searched.
#pragma once

#include "ui/chat/thread_row.h"

#include <QString>

#include <vector>

namespace switchyard {

class ThreadFind {
  public:
    struct Match {
        int row = 0, nth = 0; ///< which one in the part, from 0
        TextPlace place;
    };
    const QString& query() const { return query_; }
    void setQuery(const QString& query) { query_ = query; }
    /// Looks anew; the first match from row `from` on is the current one, or else the very first.
    void search(const ThreadRows& rows, int from);
    /// On to the next match (+1) or the one before (-1), in a circle.
    void step(int by);
    const Match* current() const;
    int number() const { return current_ + 1; } ///< of the current one, from 1; 0: none
    int total() const { return static_cast<int>(matches_.size()); }

  private:
    void searchPart(int row, int part, const std::string& source);

    QString query_;
    std::vector<Match> matches_;
    int current_ = -1;
};

} // namespace switchyard
