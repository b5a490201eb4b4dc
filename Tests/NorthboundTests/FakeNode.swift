// SPDX-License-Identifier: Apache-2.0
import Northbound
import Packet
import Tables

/// A node without packets: it keeps what is written, in lists, and knows nothing of references between tables.
actor FakeNode: NodeService {
    private(set) var entries: [TableID: [EntryReport]] = [:]
    private(set) var writes: [[TableUpdate]] = []
    private(set) var shutdowns: [Bool] = []
    private var answers: [UpdateResult]?
    private var complaints: [String] = []
    private var samples: UInt64 = 0
    private let portList: [PortReport]
    private let flowList: [FlowReport]

    init(ports: [PortReport] = FakeNode.twoPorts, flows: [FlowReport] = []) {
        (portList, flowList) = (ports, flows)
    }

    static let twoPorts: [PortReport] = [UInt16(0), 1].map { index in
        var entry = PortEntry(port: PortID(rawValue: index))
        entry.up = index == 0
        return PortReport(
            name: "p\(index + 1)", interfaceIndex: UInt32(index) + 10, entry: entry,
            attachMode: index == 0 ? "native" : "skb",
            attachReason: index == 0 ? "" : "native: EOPNOTSUPP (95), the driver has no XDP",
            received: [.forward: Counter(packets: 1000, bytes: 64000), .drop: Counter(packets: 3, bytes: 180)])
    }

    private(set) var applied: [Applied] = []
    private(set) var images: [[UInt8]] = []
    private var changes = ChangesReport()
    private var differenceList: [DifferenceReport] = []
    private var reconciliation = ReconcileReport(repairs: true)
    private var verdict = ProgramVerdict(isConfirmed: true, message: "it did as well as the one before")
    private var problem: StateReport.Problem?

    struct Applied: Equatable, Sendable {
        var text: String
        var path: String
        var dryRun: Bool
    }

    func answerApplies(with changes: ChangesReport) { self.changes = changes }
    func differ(by differences: [DifferenceReport]) { differenceList = differences }
    func find(_ report: ReconcileReport) { reconciliation = report }
    func judge(_ verdict: ProgramVerdict) { self.verdict = verdict }
    func degrade(_ problem: StateReport.Problem?) { self.problem = problem }
    func answerWrites(with answers: [UpdateResult]) { self.answers = answers }
    func refuseReload(_ complaints: [String]) { self.complaints = complaints }
    func hold(_ reports: [EntryReport], in table: TableID) { entries[table] = reports }

    func status() async throws(NodeError) -> NodeStatus {
        NodeStatus(
            version: "1.2.3", pid: 4711, uptimeMilliseconds: 3_723_000, configuration: "/etc/piccolo/node.yaml",
            dataPlane: "xdp", generation: PolicyGeneration(rawValue: 7), ports: 2, portsUp: 1,
            events: EventTotals(sent: 10, repeated: 2, lost: 1), residentBytes: 123_456_789,
            complaints: ["p2 is down: plug the cable in"],
            state: StateReport(
                problem: problem, directory: "/var/lib/piccolo", revision: 42, amendments: 3,
                pending: problem == nil ? 0 : 2),
            start: StartReport(
                isAdopted: true, reason: "the process before was killed", checked: 1200, repaired: 2, failed: 1,
                milliseconds: 420),
            reconciliation: ReconciliationReport(
                runs: 7, found: 3, repaired: 2, failed: 1, timeSeconds: 1_777_636_800,
                discrepancies: [
                    Discrepancy(.missing, table: .ipv4, subject: "route 10.9.0.0/16 in VRF 0"),
                    Discrepancy(.altered, table: nil, subject: "link of port p1", detail: "detached", failure: "EBUSY"),
                ]),
            program: ProgramReport(
                digest: "0123456789abcdef0123", tag: "a1b2c3d4e5f60718", id: 57,
                replacement: "replaced by x.o: confirmed"))
    }

    func ports() async throws(NodeError) -> [PortReport] { portList }

    func tables() async throws(NodeError) -> [TableReport] {
        [
            TableReport(
                table: .flowCache, capacity: 1_000_000, used: 250_000, matchKinds: [.exact], costPerEntry: 32),
            TableReport(
                table: .acl, capacity: 512, used: 3, matchKinds: [.ternary, .range, .optional], costPerEntry: 192),
        ]
    }

    func entries(of table: TableID) async throws(NodeError) -> [EntryReport] { entries[table] ?? [] }

    func write(_ updates: [TableUpdate]) async throws(NodeError) -> [UpdateResult] {
        writes.append(updates)
        if let answers { return answers }
        return updates.map { update in
            let table = update.entry.table
            switch update.operation {
            case .insert: entries[table, default: []].append(EntryReport(update.entry))
            case .modify, .delete: break
            }
            return .applied
        }
    }

    func flows(_ filter: FlowFilter) async throws(NodeError) -> [FlowReport] {
        let matching = flowList.lazy.filter { filter.matches($0.entry, port: $0.port) }
        return filter.limit > 0 ? Array(matching.prefix(filter.limit)) : Array(matching)
    }

    /// Every call is one second later and 1000 packets on.
    func statistics() async throws(NodeError) -> NodeStatistics {
        samples += 1
        return NodeStatistics(
            timeNanoseconds: samples * 1_000_000_000,
            verdicts: [
                VerdictCounter(
                    port: PortID(rawValue: 0), disposition: .forward, reason: .flowCache,
                    counter: Counter(packets: samples * 1000, bytes: samples * 64000))
            ],
            tables: [TableReport(table: .flowCache, capacity: 100, used: 25)],
            flows: FlowTotals(installed: samples * 5, aged: 1, evicted: 2, refused: 3, rejected: 4),
            events: EventTotals(sent: 1, repeated: 2, lost: 3))
    }

    func acknowledgeCard() async throws(NodeError) -> [String] {
        guard complaints.isEmpty else { throw .failed("there is no card, or it is not used") }
        return ["the card was reset 1 times behind this program's back"]
    }

    func reload() async throws(NodeError) -> ReloadReport {
        guard complaints.isEmpty else { throw .configuration(complaints: complaints) }
        return ReloadReport(inserted: 1, modified: 2, deleted: 3)
    }

    func apply(text: String, path: String, dryRun: Bool) async throws(NodeError) -> ChangesReport {
        applied.append(Applied(text: text, path: path, dryRun: dryRun))
        guard complaints.isEmpty else { throw .configuration(complaints: complaints) }
        return changes
    }

    func differences() async throws(NodeError) -> [DifferenceReport] { differenceList }

    func reconcile(dryRun: Bool) async throws(NodeError) -> ReconcileReport {
        var report = reconciliation
        report.repairs = !dryRun
        if dryRun { report.failed = 0 }
        return report
    }

    func replaceProgram(
        _ image: [UInt8], name: String, progress: @escaping @Sendable (ProgramStep) async -> Void
    ) async throws(NodeError) -> ProgramVerdict {
        images.append(image)
        guard image.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { throw .failed("\(name) is no ELF file") }
        await progress(.loaded(ProgramReport(digest: "00ff", tag: "a1", id: 58)))
        await progress(.switched)
        return verdict
    }

    func shutdown(keep: Bool) async throws(NodeError) { shutdowns.append(keep) }
}
