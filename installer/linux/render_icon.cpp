// Draws the program's icon at the sizes that desktops ask for.
// usage: render_icon ICON.svg SIZE FILE.png [SIZE FILE.png ...]
#include <QImage>
#include <QPainter>
#include <QSvgRenderer>

#include <cstdio>

int main(int argc, char** argv) {
    if (argc < 4 || argc % 2 != 0) {
        std::fprintf(stderr, "usage: render_icon ICON.svg SIZE FILE.png [SIZE FILE.png ...]\n");
        return 2;
    }
    QSvgRenderer icon(QString::fromLocal8Bit(argv[1]));
    for (int i = 2; i < argc; i += 2) {
        const int size = QByteArray(argv[i]).toInt();
        QImage image(size, size, QImage::Format_ARGB32);
        image.fill(Qt::transparent);
        QPainter painter(&image);
        icon.render(&painter);
        painter.end();
        if (!icon.isValid() || !image.save(QString::fromLocal8Bit(argv[i + 1]), "PNG")) {
            std::fprintf(stderr, "render_icon: %s cannot be drawn into %s\n", argv[1], argv[i + 1]);
            return 1;
        }
    }
    return 0;
}
