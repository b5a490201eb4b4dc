// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Packet
import PiccoloProto
import Tables

// What the node remembers, and what has changed, as messages.

extension StateReport {
    var wire: Piccolo_V1_StateReport {
        .with {
            $0.condition = problem == nil ? .ok : .degraded
            ($0.problem, $0.message) = (problem?.name ?? "", problem?.sentence ?? "")
            ($0.directory, $0.revision) = (directory, revision)
            ($0.amendments, $0.pending) = (UInt64(clamping: amendments), UInt64(clamping: pending))
        }
    }

    init(_ wire: Piccolo_V1_StateReport) {
        self.init(
            problem: wire.condition == .degraded ? Problem(name: wire.problem, sentence: wire.message) : nil,
            directory: wire.directory, revision: wire.revision, amendments: Int(clamping: wire.amendments),
            pending: Int(clamping: wire.pending))
    }
}

extension StartReport {
    var wire: Piccolo_V1_AdoptionReport {
        .with {
            ($0.tables, $0.reason) = (isAdopted ? .adopted : .new, reason)
            ($0.checked, $0.repaired) = (UInt64(clamping: checked), UInt64(clamping: repaired))
            ($0.failed, $0.milliseconds) = (UInt64(clamping: failed), milliseconds)
        }
    }

    init(_ wire: Piccolo_V1_AdoptionReport) {
        self.init(
            isAdopted: wire.tables == .adopted, reason: wire.reason, checked: Int(clamping: wire.checked),
            repaired: Int(clamping: wire.repaired), failed: Int(clamping: wire.failed),
            milliseconds: wire.milliseconds)
    }
}

extension ReconciliationReport {
    var wire: Piccolo_V1_ReconciliationReport {
        .with {
            ($0.runs, $0.found, $0.repaired, $0.failed) = (runs, found, repaired, failed)
            ($0.timeSeconds, $0.discrepancies) = (timeSeconds, discrepancies.map(\.wire))
        }
    }

    init(_ wire: Piccolo_V1_ReconciliationReport) throws(NodeError) {
        self.init(
            runs: wire.runs, found: wire.found, repaired: wire.repaired, failed: wire.failed,
            timeSeconds: wire.timeSeconds)
        for discrepancy in wire.discrepancies { discrepancies.append(try Discrepancy(discrepancy)) }
    }
}

extension ProgramReport {
    var wire: Piccolo_V1_ProgramReport {
        .with { ($0.digest, $0.tag, $0.id, $0.replacement) = (digest, tag, id, replacement) }
    }

    init(_ wire: Piccolo_V1_ProgramReport) {
        self.init(digest: wire.digest, tag: wire.tag, id: wire.id, replacement: wire.replacement)
    }
}

extension Discrepancy {
    var wire: Piccolo_V1_Discrepancy {
        .with {
            $0.kind =
                switch kind {
                case .missing: .missing
                case .extra: .extra
                case .altered: .altered
                }
            if let table { $0.table = table.wire }
            ($0.subject, $0.detail) = (subject, detail)
            if let failure { $0.failure = failure }
        }
    }

    init(_ wire: Piccolo_V1_Discrepancy) throws(NodeError) {
        let kind: Kind =
            switch wire.kind {
            case .missing: .missing
            case .extra: .extra
            case .altered: .altered
            case .unspecified, .UNRECOGNIZED:
                throw Field.unknown("kind", wire.kind.rawValue, "1...3 (missing, extra, altered)")
            }
        self.init(
            kind, table: wire.table == .unspecified ? nil : try TableID(wire.table), subject: wire.subject,
            detail: wire.detail, failure: wire.hasFailure ? wire.failure : nil)
    }
}

extension ReconcileReport {
    var wire: Piccolo_V1_ReconcileResponse {
        .with {
            $0.dryRun = !repairs
            ($0.checked, $0.missing) = (UInt64(clamping: checked), UInt64(clamping: missing))
            ($0.extra, $0.altered) = (UInt64(clamping: extra), UInt64(clamping: altered))
            ($0.repaired, $0.failed) = (UInt64(clamping: repaired), UInt64(clamping: failed))
            $0.discrepancies = discrepancies.map(\.wire)
        }
    }

    init(_ wire: Piccolo_V1_ReconcileResponse) throws(NodeError) {
        self.init(repairs: !wire.dryRun)
        checked = Int(clamping: wire.checked)
        (missing, extra) = (Int(clamping: wire.missing), Int(clamping: wire.extra))
        (altered, failed) = (Int(clamping: wire.altered), Int(clamping: wire.failed))
        for discrepancy in wire.discrepancies { discrepancies.append(try Discrepancy(discrepancy)) }
    }
}

extension ChangeReport {
    var wire: Piccolo_V1_Change {
        .with {
            ($0.operation, $0.entry) = (operation.wire, Piccolo_V1_Entry(entry))
            if let before { $0.before = Piccolo_V1_Entry(before) }
        }
    }

    init(_ wire: Piccolo_V1_Change) throws(NodeError) {
        self.init(
            try TableUpdate.Operation(wire.operation),
            try Field.within("entry") { () throws(NodeError) in try wire.entry.model() },
            before: wire.hasBefore
                ? try Field.within("before") { () throws(NodeError) in try wire.before.model() } : nil)
    }
}

extension ChangesReport {
    var summary: Piccolo_V1_ApplySummary {
        .with {
            $0.inserted = UInt64(clamping: count(.insert))
            $0.modified = UInt64(clamping: count(.modify))
            $0.deleted = UInt64(clamping: count(.delete))
            $0.notices = notices
            $0.ports = portNames.sorted { $0.key < $1.key }.map { port, name in
                .with { ($0.port, $0.name) = (UInt32(port.rawValue), name) }
            }
        }
    }

    /// What an answer's next message adds. The changes carry their counts.
    mutating func add(_ wire: Piccolo_V1_ApplyResponse) throws(NodeError) {
        for change in wire.changes { changes.append(try ChangeReport(change)) }
        guard wire.hasSummary else { return }
        notices += wire.summary.notices
        for port in wire.summary.ports { portNames[try Field.port(port.port, "ports.port")] = port.name }
    }
}

extension DifferenceReport {
    var wire: Piccolo_V1_Difference {
        .with {
            if let entry { $0.entry = Piccolo_V1_Entry(entry) }
            if let configured { $0.configured = Piccolo_V1_Entry(configured) }
            $0.timeSeconds = timeSeconds
            if let idleTimeoutMilliseconds { $0.idleTimeoutMilliseconds = idleTimeoutMilliseconds }
        }
    }

    init(_ wire: Piccolo_V1_Difference) throws(NodeError) {
        guard wire.hasEntry || wire.hasConfigured else { throw Field.missing("entry", "an entry, or configured") }
        self.init(
            entry: wire.hasEntry ? try Field.within("entry") { () throws(NodeError) in try wire.entry.model() } : nil,
            configured: wire.hasConfigured
                ? try Field.within("configured") { () throws(NodeError) in try wire.configured.model() } : nil,
            timeSeconds: wire.timeSeconds,
            idleTimeoutMilliseconds: wire.hasIdleTimeoutMilliseconds ? wire.idleTimeoutMilliseconds : nil)
    }
}

extension ProgramStep {
    var wire: Piccolo_V1_ReplaceProgramResponse {
        .with {
            switch self {
            case .loaded(let program): $0.loaded = program.wire
            case .switched: $0.switched = Piccolo_V1_Empty()
            }
        }
    }
}

extension ProgramVerdict {
    var wire: Piccolo_V1_ProgramVerdict {
        .with { ($0.outcome, $0.message) = (isConfirmed ? .confirmed : .reverted, message) }
    }

    init(_ wire: Piccolo_V1_ProgramVerdict) throws(NodeError) {
        switch wire.outcome {
        case .confirmed: self.init(isConfirmed: true, message: wire.message)
        case .reverted: self.init(isConfirmed: false, message: wire.message)
        case .unspecified, .UNRECOGNIZED:
            throw Field.unknown("outcome", wire.outcome.rawValue, "1...2 (confirmed, reverted)")
        }
    }
}
#endif
