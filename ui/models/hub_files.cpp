#include "ui/models/hub_files.h"

#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QLocale>

using namespace Qt::StringLiterals;

namespace switchyard {

QString HubFiles::fitText(Fit fit) {
    switch (fit) {
    case Fit::Card:
        return tr("fits the card");
    case Fit::Memory:
        return tr("fits in memory");
    case Fit::Tight:
        return tr("a tight fit");
    case Fit::TooLarge:
        return tr("too large here");
    case Fit::Unknown:
        break;
    }
    return {};
}

QString HubFiles::speedText(const SpeedRange& speed) {
    if (!speed.known())
        return {};
    const auto number = [](double value) { return QLocale().toString(value, 'f', value < 10 ? 1 : 0); };
    const QString low = number(speed.low), high = number(speed.high);
    return low == high ? tr("%1 t/s").arg(low) : tr("%1–%2 t/s").arg(low, high);
}

void HubFiles::setListing(const HubListing& listing) {
    beginResetModel();
    listing_ = listing;
    best_ = room_.best(listing_.files);
    endResetModel();
}

void HubFiles::setRoom(const MachineRoom& room) {
    room_ = room;
    best_ = room_.best(listing_.files);
    if (rowCount() > 0)
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, Columns - 1));
}

const HubFile* HubFiles::at(const QModelIndex& index) const {
    return index.isValid() && index.row() < listing_.files.size() ? &listing_.files[index.row()] : nullptr;
}

int HubFiles::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(listing_.files.size());
}

int HubFiles::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : Columns; }

QString HubFiles::text(int row, int column) const {
    const HubFile& file = listing_.files[row];
    switch (column) {
    case Name:
        return file.folder ? tr("Folder of %n file(s)", nullptr, static_cast<int>(file.files.size()))
               : file.files.size() > 1 ? tr("%1 (%n parts)", nullptr, static_cast<int>(file.files.size()))
                                             .arg(oneLine(file.name, 120))
                                       : oneLine(file.name, 120);
    case Precision:
        return file.folder ? u"safetensors"_s : file.precision;
    case Size:
        return downloadSize(file.bytes);
    case Fits:
        return row == best_ ? tr("best here") : fitText(room_.fit(file.bytes));
    case Speed:
        return speedText(room_.speed(listing_, file));
    }
    return {};
}

QVariant HubFiles::data(const QModelIndex& index, int role) const {
    const HubFile* file = at(index);
    if (!file)
        return {};
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole:
        return text(index.row(), column);
    case Qt::ToolTipRole:
        return column == Speed
                   ? wrappedTip(tr("Expected by this machine's memory and by what answers took so far."))
               : column == Fits
                   ? wrappedTip(
                         tr("By the size of the file, with room for a conversation. Where it is a tight "
                            "fit, close other programs. Loading counts exactly."))
                   : plainTip(file->name);
    case Qt::TextAlignmentRole:
        return column == Size || column == Speed ? QVariant(Qt::AlignRight | Qt::AlignVCenter)
                                                 : QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    case Qt::DecorationRole:
        if (column == Fits && index.row() == best_)
            return QVariant(themedIcon(u"check"_s));
        return column == Fits && room_.fit(file->bytes) == Fit::TooLarge ? QVariant(themedIcon(u"warning"_s))
                                                                         : QVariant();
    case Qt::FontRole:
        if (QFont font; index.row() == best_ && column <= Precision) {
            font.setWeight(QFont::DemiBold);
            return font;
        }
        return {};
    default:
        return {};
    }
}

QVariant HubFiles::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return section == Size || section == Speed ? QVariant(Qt::AlignRight | Qt::AlignVCenter)
                                                   : QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case Name:
        return tr("File");
    case Precision:
        return tr("Precision");
    case Size:
        return tr("Size");
    case Fits:
        return tr("On this machine");
    case Speed:
        return tr("Speed");
    }
    return {};
}

} // namespace switchyard
