// SPDX-License-Identifier: Apache-2.0
#if Northbound
import BPF
import Foundation
import Glibc
import Netlink
import Northbound
import Packet
import Synchronization
import Tables
import TestSupport

/// Kills a daemon again and again while packets of thousands of established flows cross its node, and looks each time whether
/// anybody could have noticed.
///
/// Topology, traffic and state go on from run to run; what a run finds wrong is told once, and the next one goes on from there.
public final class RestartSoak {
    public struct Options: Sendable {
        public var flows = 10_000
        /// Packets a second.
        public var rate = 15_000
        /// Where configuration, state and logs are; made, and kept.
        public var folder: String
        public var sabotage: Sabotage?

        public init(folder: String) { self.folder = folder }
    }

    let options: Options
    let node: SoakNode
    let traffic: Traffic
    let books = SharedBooks()
    /// What the extended configuration has and the plain one has not, and the other way round.
    private(set) var variants: Variants
    /// Kernel objects before there was the node.
    private let base = BPFInventory.snapshot()
    private(set) var reference: Inventory
    /// Which numbers the node has given to what the harness talks of.
    private(set) var places: Places

    /// Starts everything, and waits until all flows are established.
    public init(_ options: Options) async throws {
        self.options = options
        node = try SoakNode(folder: options.folder, options: try SoakDaemonOptions())
        traffic = try Traffic(node.topology, flows: options.flows, rate: options.rate)
        do {
            try node.launch()
            try node.waitUntilListening()
            places = try await NodeClient.connect(to: node.paths.socket) { try await Places(of: $0) }
            reference = Inventory(of: node, since: base)
            guard reference.complaints.isEmpty else {
                throw Unexpected(description: reference.complaints.joined(separator: "\n"))
            }
            try reference.text.write(toFile: "\(options.folder)/inventory.txt", atomically: true, encoding: .utf8)
            variants = Variants()
            try await learnVariants()
            try await establish()
        } catch {
            traffic.end()
            throw error
        }
    }

    /// Applies the extended configuration and the plain one again, and notes what differs.
    private func learnVariants() async throws {
        var entries: [Set<TableEntry>] = []
        for variant in [SoakConfiguration.Variant.extended, .plain] {
            try node.paths.write(variant)
            let answer = try node.paths.ask(["reload"])
            guard answer.isSuccess else { throw Unexpected(description: answer.description) }
            let snapshot = try await NodeClient.connect(to: node.paths.socket) { try await NodeSnapshot(of: $0) }
            entries.append(snapshot.entries)
        }
        variants.onlyExtended = entries[0].subtracting(entries[1])
        variants.onlyPlain = entries[1].subtracting(entries[0])
    }

    /// Writes the static flows that are not there, and sends until all others are learned.
    func establish() async throws {
        let wanted = traffic.flows.filter(\.isStatic).map { places.entry(of: $0) }
        let learned = Set(traffic.flows.filter { !$0.isStatic }.map { $0.key(arrivingAt: places.arrival) })
        let (socket, deadline) = (node.paths.socket, Date(timeIntervalSinceNow: 60))
        traffic.resume()
        let snapshot = try await NodeClient.connect(to: socket) { client in
            let present = Set(try await client.flows(FlowFilter()).map(\.entry))
            let updates = wanted.filter { !present.contains($0) }.map { TableUpdate.insert(.flow($0)) }
            let refused = try await client.write(updates).compactMap(\.error)
            if let first = refused.first { throw Unexpected(description: "\(refused.count) flows refused: \(first)") }
            while true {
                let flows = Set(try await client.flows(FlowFilter()).map(\.entry.key))
                if learned.isSubset(of: flows) { break }
                guard Date() < deadline else {
                    throw Unexpected(
                        description: "\(learned.subtracting(flows).count) of \(learned.count) flows are not learned")
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            return try await NodeSnapshot(of: client)
        }
        books.open(places.withoutFacts(snapshot.entries))
    }

    /// Takes the node down to nothing and begins anew, after something that no run can go on from.
    private func renew() async throws {
        node.removeState()
        try node.paths.write(.plain)
        try node.launch()
        try node.waitUntilListening()
        places = try await NodeClient.connect(to: node.paths.socket) { try await Places(of: $0) }
        reference = Inventory(of: node, since: base)
        try await establish()
        traffic.pause()
        _ = traffic.settle()
        traffic.resume()
    }

    // MARK: One run

    public func run(_ scenario: SoakScenario) async -> SoakReport {
        var report = SoakReport(scenario)
        guard isAvailable(scenario.activity) else {
            report.outcome = .unavailable
            return report
        }
        let began = ContinuousClock.now
        do {
            try await attempt(scenario, &report)
        } catch {
            report.complain("run", "\(error)")
            report.log = try? node.keepLog()
            do { try await renew() } catch { report.complain("run", "and it cannot begin anew: \(error)") }
        }
        report.duration = ContinuousClock.now - began
        return report
    }

    private func isAvailable(_ activity: SoakScenario.Activity) -> Bool {
        switch activity {
        case .apply: node.options.hasApply
        case .reconcile: node.options.hasReconcile
        case .replacement: node.options.hasReplacement
        default: true
        }
    }

    private func attempt(_ scenario: SoakScenario, _ report: inout SoakReport) async throws {
        try await establish()
        let before = try await observe()
        report.generationBefore = before.node.status.generation
        traffic.resume()

        // What goes on meanwhile, the end of it, and the beginnings that come to nothing.
        let activity = SoakActivity(scenario, node, traffic, books, places, variants)
        let work = Task { await activity.run() }
        try await Task.sleep(for: .milliseconds(activity.headStart) + .microseconds(scenario.delay))
        report.signalTime = Traffic.now()
        try node.end(by: scenario.activity == .keep ? SIGTERM : SIGKILL)
        activity.daemonIsDead()
        for delay in scenario.killedStarts {
            try node.launch()
            try await Task.sleep(for: .microseconds(delay))
            try node.end(by: SIGKILL)
        }
        let started = ContinuousClock.now
        try node.launch()
        try node.waitUntilListening()
        report.restart = ContinuousClock.now - started
        activity.daemonIsBack()
        await work.value
        for complaint in activity.complaints { report.complain("activity", complaint) }

        try await options.sabotage?.commit(self)
        try await waitForARound()
        try await activity.settle()
        let after = try await observe()
        traffic.resume()
        judge(before, after, activity, &report)
        report.log = try node.keepLog()
        try await options.sabotage?.undo(self)
        // What was changed in the file and not applied must not be applied by the next start.
        try node.paths.write(variants.variant(of: after.node.entries))
    }

    /// What the node and the harness have counted while nothing is on its way.
    struct Observation {
        var node: NodeSnapshot
        var sent: [UInt64]
        var packets: PacketLedger.Report
        var drops: Int
        var interfaceDrops: [String: Int]
    }

    private func observe() async throws -> Observation {
        traffic.pause()
        let snapshot = try await NodeClient.connect(to: node.paths.socket) { try await NodeSnapshot(of: $0) }
        return Observation(
            node: snapshot, sent: traffic.sentByFlow(), packets: traffic.settle(), drops: traffic.takeDrops(),
            interfaceDrops: try node.interfaceDrops())
    }

    /// Until each flow has sent a packet to the daemon that is there now.
    private func waitForARound() async throws {
        let target = traffic.sentInAll + options.flows + Traffic.window
        let deadline = Date(timeIntervalSinceNow: 60)
        while traffic.sentInAll < target {
            guard Date() < deadline else { throw Unexpected(description: "the sender does not get on") }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    // MARK: The judgement

    private func judge(
        _ before: Observation, _ after: Observation, _ activity: SoakActivity, _ report: inout SoakReport
    ) {
        report.generationAfter = after.node.status.generation
        report.packets = after.packets
        let harnessDrops = "eth0 send of host 1"
        let own = after.interfaceDrops[harnessDrops, default: 0] - before.interfaceDrops[harnessDrops, default: 0]
        if after.drops + own > 0 {
            report.outcome = .inconclusive
            report.complain("harness", "the harness itself lost \(after.drops + own) packets")
            return
        }
        judgePackets(before, after, &report)
        var judgement = books.judge(places.withoutFacts(after.node.entries))
        judgement.complaints += activity.factComplaints(after.node)
        (report.acknowledged, report.fates) = (judgement.acknowledged, judgement.fates)
        for complaint in judgement.complaints { report.complain("changes", complaint) }
        let counters = CounterCheck(
            before: (before.node, before.sent), after: (after.node, after.sent), flows: traffic.flows, places: places)
        for complaint in counters.complaints() { report.complain("counters", complaint) }
        report.slowPackets = counters.slowPackets ?? 0
        if report.slowPackets != 0 {
            report.complain(
                "fast path",
                "\(report.slowPackets) packets more were sent than the fast path has forwarded"
                    + counters.kernelReasons)
        }
        if report.scenario.isQuiet, before.node.status.generation != after.node.status.generation {
            report.complain("fast path", "the policy generation advanced, and no policy has changed")
        }
        for complaint in after.node.status.complaints { report.complain("status", complaint) }
        for complaint in Inventory(of: node, since: base).differences(from: reference) {
            report.complain("inventory", complaint)
        }
        judgeReconciliation(&report)
    }

    private func judgePackets(_ before: Observation, _ after: Observation, _ report: inout SoakReport) {
        let packets = after.packets
        if !packets.lost.isEmpty {
            let drops = after.interfaceDrops.filter { $0.value != before.interfaceDrops[$0.key] }
                .map { "\($0.key) dropped \($0.value - before.interfaceDrops[$0.key, default: 0])" }.sorted()
            report.complain(
                "packets", lossText(packets.lost, since: report.signalTime) + drops.map { "; \($0)" }.joined())
        }
        for (count, what) in [
            (packets.misdirected, "were misdirected"), (packets.damaged, "were not as they should be"),
            (packets.duplicated, "came twice"),
        ] where count > 0 {
            report.complain("packets", "\(count) packets \(what): \(packets.details.joined(separator: "; "))")
        }
    }

    private func lossText(_ lost: [PacketLedger.Loss], since signal: UInt64) -> String {
        func text(_ loss: PacketLedger.Loss) -> String {
            guard loss.time > 0 else { return "at an unknown time" }
            return "\(Double(Int64(loss.time) - Int64(signal)) / 1e6) ms"
        }
        let flows = Set(lost.map(\.flow))
        let some = flows.sorted().prefix(3).map { $0 < traffic.flows.count ? "\(traffic.flows[$0])" : "a passing flow" }
        return "\(lost.count) packets of \(flows.count) flows were lost, sent from \(lost.first.map(text) ?? "") to "
            + "\(lost.last.map(text) ?? "") after the signal: \(some.joined(separator: ", "))"
    }

    private func judgeReconciliation(_ report: inout SoakReport) {
        guard node.options.hasReconcile else { return }
        do {
            let result = try node.paths.ask(["reconcile", "--dry-run"])
            guard result.isSuccess else { return report.complain("reconcile", result.description) }
            let second = try node.paths.ask(["reconcile", "--dry-run", "--json"]).output
            if let found = ReconcileAnswer(second)?.found, found != 0 {
                report.complain("reconcile", "\(found) differences: \(result.output)")
            }
        } catch {
            report.complain("reconcile", "\(error)")
        }
    }

    // MARK: The end

    /// Ends the daemon as its operator would; what is left, in sentences.
    public func finish() async throws -> [String] {
        traffic.pause()
        traffic.end()
        let stopped = try node.paths.ask(["stop"])
        guard stopped.isSuccess else { return [stopped.description] }
        try node.waitForEnd()
        var left: [String] = []
        for path in [node.paths.pinPath, node.paths.socket, "\(node.paths.socket).lock", node.paths.stateLock]
        where access(path, F_OK) == 0 {
            left.append("\(path) is left")
        }
        var netlink = try NetlinkSocket(in: node.topology.node)
        for link in try netlink.links() {
            for attachment in link.xdp { left.append("program \(attachment.programID) is still at \(link.name)") }
        }
        return left
    }
}

/// What `reconcile --json` says, as far as it is asked for.
private struct ReconcileAnswer: Decodable {
    var missing: Int
    var extra: Int
    var altered: Int
    var found: Int { missing + extra + altered }

    init?(_ text: String) {
        guard let answer = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
        self = answer
    }
}
#endif
