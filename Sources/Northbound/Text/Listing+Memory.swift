// SPDX-License-Identifier: Apache-2.0
import Tables

// What a file would change, what calls have changed, and what was found not to be as wanted.
extension Listing {
    /// What applying a file changed, or would: a line for each change, and their number.
    ///
    /// - Parameter names: of before.
    public static func changes(_ report: ChangesReport, dryRun: Bool, names: Directory) -> Listing {
        let after = names.after(report)
        var lines: [String] = []
        if dryRun {
            lines = report.changes.map { change in
                switch change.operation {
                case .insert: "+ " + EntryWords.line(change.entry, names: after)
                case .modify:
                    "~ " + EntryWords.line(from: change.before ?? change.entry, to: change.entry, names: after)
                case .delete: "- " + EntryWords.line(change.entry, names: names, keyOnly: true)
                }
            }
        }
        let counts = [("inserted", TableUpdate.Operation.insert), ("modified", .modify), ("deleted", .delete)]
            .map { (name: $0, count: report.count($1)) }
        let total =
            "entries " + (dryRun ? "would be " : "") + counts.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
        lines.append(report.changes.isEmpty ? "nothing \(dryRun ? "would change" : "changed")" : total)
        lines += report.notices.flatMap { Paragraph.lines($0, first: "notice: ", rest: "        ") }
        return Listing(
            lines: lines,
            json: .object(
                [JSONMember("dry_run", .bool(dryRun))] + counts.map { JSONMember($0.name, .count($0.count)) } + [
                    JSONMember("notices", .array(report.notices.map { .string($0) })),
                    JSONMember(
                        "changes",
                        .array(
                            report.changes.map { change in
                                .object([
                                    "operation": .string("\(change.operation)"),
                                    "table": .string(change.entry.table.rawValue),
                                    "entry": .object(
                                        EntryFields.fields(
                                            of: change.entry, names: change.operation == .delete ? names : after)),
                                    "before": change.before.map { .object(EntryFields.fields(of: $0, names: names)) }
                                        ?? .null,
                                ])
                            })),
                ]))
    }

    /// What calls have made different from the configuration, oldest first.
    ///
    /// - Parameter configuration: its path.
    public static func differences(
        _ reports: [DifferenceReport], configuration: String, names: Directory
    ) -> Listing {
        let rows = reports.compactMap { report in
            line(report, names).map { (report: report, line: $0) }
        }.sorted { ($0.report.timeSeconds, $0.line) < ($1.report.timeSeconds, $1.line) }
        var lines = rows.map { "\($0.line)  # \(Quantity.time($0.report.timeSeconds))" }
        let counts = DifferenceReport.Kind.allCases.map { kind in
            "\(kind.rawValue) \(reports.count { $0.kind == kind })"
        }
        lines.append(
            reports.isEmpty
                ? "nothing differs from \(configuration)"
                : "different from \(configuration): \(counts.joined(separator: ", "))")
        func value(_ entry: TableEntry?) -> JSONValue {
            entry.map { .object(EntryFields.fields(of: $0, names: names)) } ?? .null
        }
        return Listing(
            lines: lines,
            json: .array(
                rows.map { report, _ in
                    .object([
                        "kind": .string(report.kind.rawValue),
                        "table": .string((report.entry ?? report.configured)?.table.rawValue ?? ""),
                        "entry": value(report.entry),
                        "configured": value(report.configured),
                        "time": .string(Quantity.time(report.timeSeconds)),
                        "idle_timeout_ms": report.idleTimeoutMilliseconds.map { .unsigned($0) } ?? .null,
                    ])
                }))
    }

    private static func line(_ report: DifferenceReport, _ names: Directory) -> String? {
        switch (report.configured, report.entry) {
        case (nil, let entry?): "+ " + EntryWords.line(entry, names: names)
        case (let configured?, let entry?): "~ " + EntryWords.line(from: configured, to: entry, names: names)
        case (let configured?, nil): "- " + EntryWords.line(configured, names: names, keyOnly: true)
        case (nil, nil): nil
        }
    }

    /// What was found not to be as wanted, and what became of it.
    public static func reconciliation(_ report: ReconcileReport) -> Listing {
        var lines = report.discrepancies.map(\.description)
        if report.found > report.discrepancies.count {
            lines.append("and \(report.found - report.discrepancies.count) more")
        }
        let found =
            report.isClean
            ? "all as wanted" : "missing \(report.missing), extra \(report.extra), altered \(report.altered)"
        let done =
            report.isClean
            ? ""
            : report.repairs ? "; repaired \(report.repaired), not repaired \(report.failed)" : "; nothing was repaired"
        lines.append("compared \(report.checked): \(found)\(done)")
        return Listing(
            lines: lines,
            json: .object([
                "dry_run": .bool(!report.repairs),
                "checked": .count(report.checked),
                "missing": .count(report.missing),
                "extra": .count(report.extra),
                "altered": .count(report.altered),
                "repaired": .count(report.repaired),
                "failed": .count(report.failed),
                "discrepancies": .array(report.discrepancies.map(json)),
            ]))
    }

    static func json(_ discrepancy: Discrepancy) -> JSONValue {
        .object([
            "kind": .string(discrepancy.kind.rawValue),
            "table": discrepancy.table.map { .string($0.rawValue) } ?? .null,
            "subject": .string(discrepancy.subject),
            "detail": .string(discrepancy.detail),
            "failure": discrepancy.failure.map { .string($0) } ?? .null,
        ])
    }

    // MARK: The program

    public static func programStep(_ step: ProgramStep) -> Listing {
        switch step {
        case .loaded(let program):
            Listing(
                lines: ["loaded     build \(program.digest), tag \(program.tag), id \(program.id)"],
                json: .object([
                    "step": "loaded", "digest": .string(program.digest), "tag": .string(program.tag),
                    "id": .integer(Int64(program.id)),
                ]))
        case .switched:
            Listing(lines: ["switched   packets are decided by it now"], json: .object(["step": "switched"]))
        }
    }

    public static func verdict(_ verdict: ProgramVerdict) -> Listing {
        let word = verdict.isConfirmed ? "confirmed" : "reverted"
        return Listing(
            lines: [word + String(repeating: " ", count: 11 - word.count) + verdict.message],
            json: .object(["step": .string(word), "message": .string(verdict.message)]))
    }

    // MARK: Status

    /// What stands before a line of `status`.
    static func label(_ text: String) -> String { text + String(repeating: " ", count: max(1, 15 - text.count)) }

    static func memory(_ status: NodeStatus) -> [String] {
        var lines: [String] = []
        func add(_ label: String, _ text: String) {
            lines += Paragraph.lines(text, first: Self.label(label), rest: Self.label(""))
        }
        if let state = status.state {
            let pending = state.pending > 0 ? ", \(state.pending) changes not on disk yet" : ""
            add(
                "state",
                "\(state.directory), revision \(state.revision), \(state.amendments) entries changed by calls\(pending)"
            )
        }
        if let start = status.start {
            let time = Quantity.duration(milliseconds: start.milliseconds)
            let found = ": compared \(start.checked), repaired \(start.repaired), not repaired \(start.failed)"
            add("start", (start.isAdopted ? "took over tables in \(time)\(found)" : "made new tables in \(time)"))
            if !start.reason.isEmpty { add("", start.reason) }
        }
        let past = status.reconciliation
        if past.runs > 0 {
            let found = past.found > 0 ? ", repaired \(past.repaired), not repaired \(past.failed)" : ""
            let last = past.timeSeconds > 0 ? ", last at \(Quantity.time(past.timeSeconds))" : ""
            add("compared", "\(past.runs) times: found \(past.found)\(found)\(last)")
            for discrepancy in past.discrepancies { add("", "\(discrepancy)") }
        }
        if let program = status.program {
            add("program", "build \(program.digest.prefix(12)), tag \(program.tag), id \(program.id)")
            if !program.replacement.isEmpty { add("", program.replacement) }
        }
        return lines
    }

    static func json(_ state: StateReport) -> JSONValue {
        .object([
            "condition": .string(state.problem == nil ? "ok" : "degraded"),
            "problem": state.problem.map { .string($0.name) } ?? .null,
            "message": state.problem.map { .string($0.sentence) } ?? .null,
            "directory": .string(state.directory),
            "revision": .unsigned(state.revision),
            "amendments": .count(state.amendments),
            "pending": .count(state.pending),
        ])
    }

    static func json(_ start: StartReport) -> JSONValue {
        .object([
            "tables": .string(start.isAdopted ? "adopted" : "new"),
            "reason": .string(start.reason),
            "checked": .count(start.checked),
            "repaired": .count(start.repaired),
            "failed": .count(start.failed),
            "milliseconds": .unsigned(start.milliseconds),
        ])
    }

    static func json(_ past: ReconciliationReport) -> JSONValue {
        .object([
            "runs": .unsigned(past.runs),
            "found": .unsigned(past.found),
            "repaired": .unsigned(past.repaired),
            "failed": .unsigned(past.failed),
            "time": past.timeSeconds > 0 ? .string(Quantity.time(past.timeSeconds)) : .null,
            "discrepancies": .array(past.discrepancies.map(json)),
        ])
    }

    static func json(_ program: ProgramReport) -> JSONValue {
        .object([
            "digest": .string(program.digest),
            "tag": .string(program.tag),
            "id": .integer(Int64(program.id)),
            "replacement": .string(program.replacement),
        ])
    }
}
