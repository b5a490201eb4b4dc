// SPDX-License-Identifier: Apache-2.0
import Controller
import Northbound
import Store

// What the commands of `piccolo state` print.
extension Listing {
    /// What a node's memory holds, and what is wrong with it.
    static func state(_ report: StoreReport) -> Listing {
        let sound = report.isSound
        var lines = [sound ? "\(report.directory) is sound" : "\(report.directory) IS NOT SOUND"]
        if let problem = report.problem {
            lines += Paragraph.lines("\(problem)", first: label("problem"), rest: label(""))
        }
        if let version = report.schemaVersion {
            let owner = report.owner.map { "node \($0)" } ?? "nobody's"
            lines.append("\(label("owner"))\(owner)\(report.machine.map { ", machine \($0)" } ?? "")")
            lines.append("\(label("held by"))\(report.holder.map { "process \($0)" } ?? "no process")")
            let time = report.time > 0 ? ", stored at \(Quantity.time(report.time))" : ""
            lines.append("\(label("revision"))\(report.revision)\(time), schema version \(version)")
            lines.append("\(label("configuration"))\(report.configurationPath ?? "none")")
            lines.append("\(label("by calls"))\(report.set) entries set, \(report.deleted) deleted")
            lines.append("\(label("numbers"))\(report.identities) given to names")
            for (name, records) in report.shadows.sorted(by: { $0.key < $1.key }) {
                lines.append("\(label("shadow"))\(name): \(records) records")
            }
            let bytes = (UInt64(clamping: report.databaseBytes), UInt64(clamping: report.logBytes))
            lines.append("\(label("size"))\(Quantity.short(bytes.0))B, log \(Quantity.short(bytes.1))B")
        }
        for finding in report.integrity { lines += Paragraph.lines(finding, first: label("sqlite"), rest: label("")) }
        for damage in report.damage {
            let place = damage.key.map { "\(damage.table) \($0)" } ?? damage.table
            lines += Paragraph.lines("\(place): \(damage.what)", first: label("damage"), rest: label(""))
        }
        if report.damageCount > report.damage.count {
            lines.append("\(label(""))and \(report.damageCount - report.damage.count) more")
        }
        return Listing(lines: lines, json: json(report))
    }

    private static func label(_ text: String) -> String {
        text + String(repeating: " ", count: max(1, 15 - text.count))
    }

    private static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

    private static func json(_ report: StoreReport) -> JSONValue {
        .object([
            "directory": .string(report.directory),
            "sound": .bool(report.isSound),
            "problem": text(report.problem?.name),
            "message": text(report.problem?.description),
            "holder": text(report.holder),
            "schema_version": report.schemaVersion.map { .count($0) } ?? .null,
            "node": text(report.owner),
            "machine": text(report.machine),
            "revision": .unsigned(report.revision),
            "time": report.time > 0 ? .string(Quantity.time(report.time)) : .null,
            "configuration": text(report.configurationPath),
            "set": .count(report.set),
            "deleted": .count(report.deleted),
            "identities": .count(report.identities),
            "shadows": .object(
                report.shadows.sorted { $0.key < $1.key }.map { JSONMember($0.key, .count($0.value)) }),
            "database_bytes": .integer(report.databaseBytes),
            "log_bytes": .integer(report.logBytes),
            "integrity": .array(report.integrity.map { .string($0) }),
            "damage": .array(
                report.damage.map { damage in
                    .object([
                        "table": .string(damage.table), "key": text(damage.key), "what": .string(damage.what),
                    ])
                }),
            "damage_count": .count(report.damageCount),
        ])
    }

    static func imported(_ file: String, into directory: String, forgotten: Int) -> Listing {
        Listing(
            lines: [
                "\(file) is the configuration in \(directory) now; changes by calls forgotten: \(forgotten)"
            ],
            json: .object([
                "configuration": .string(file), "directory": .string(directory), "forgotten": .count(forgotten),
            ]))
    }

    static func claimed(_ directory: String, by node: String, from owner: String?) -> Listing {
        Listing(
            lines: [
                "\(directory) is node \(node)'s now" + (owner.map { $0 == node ? "" : ", and was node \($0)'s" } ?? "")
            ],
            json: .object([
                "directory": .string(directory), "node": .string(node), "before": text(owner),
            ]))
    }
}

extension ExportedConfiguration {
    var listing: Listing {
        var text = text
        if text.hasSuffix("\n") { text.removeLast() }
        return Listing(
            lines: [text],
            json: .object([
                "path": .string(path), "text": .string(self.text), "unsaid": .array(unsaid.map { .string($0) }),
            ]))
    }
}
