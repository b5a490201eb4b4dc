// SPDX-License-Identifier: Apache-2.0
import BPF
import Controller
import Dispatch
import Glibc
import Packet
import Tables
import XDPDataPlane

/// `learn`: packets of flows nobody has seen arrive at a port; the controller makes entries of them.
struct LearnBench {
    var rounds: Int
    var seconds: Double

    func run(into report: inout Report, cpu: Int) throws {
        let topology = try WireTopology()
        // The controller's threads are made from here on and may run anywhere; this thread, which sends, goes back to its CPU.
        try Command.run("taskset -cp 0-\(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1, 0)) \(getpid()) > /dev/null")
        for (offered, title) in [(1_000, "1 k/s offered"), (100_000, "100 k/s offered"), (150_000, "150 k/s offered")] {
            var learned: [Double] = []
            var lost: [Double] = []
            var p50: [Double] = []
            var p99: [Double] = []
            var rate: [Double] = []
            var reasons: [String: Int] = [:]
            for _ in 0..<rounds {
                let result = try round(topology, offered: offered, cpu: cpu)
                learned.append(result.learned / 1e3)
                lost.append(Double(result.lost))
                p50.append(result.p50)
                p99.append(result.p99)
                rate.append(result.rate / 1e3)
                for (reason, count) in result.notLearned where count > 0 { reasons[reason, default: 0] += count }
            }
            let section = "New IPv4 flows, \(title), a packet each"
            report.rows.append(Row(section: section, subject: "sent", value: Spread(rate), unit: "k packets/s"))
            report.rows.append(Row(section: section, subject: "learned", value: Spread(learned), unit: "k flows/s"))
            report.rows.append(Row(section: section, subject: "packets lost", value: Spread(lost), unit: "packets"))
            report.rows.append(Row(section: section, subject: "miss to installed, p50", value: Spread(p50), unit: "us"))
            report.rows.append(Row(section: section, subject: "miss to installed, p99", value: Spread(p99), unit: "us"))
            for (reason, count) in reasons.sorted(by: { $0.key < $1.key }) {
                report.rows.append(
                    Row(
                        section: section, subject: "not learned: \(reason)", value: Spread([Double(count)]),
                        unit: "in all rounds"))
            }
            if offered == 1_000 {
                report.bars.append(
                    Bar(what: "\(title): p50, us", limit: 200, isUpper: true, value: Spread(p50).median))
            } else if offered > 100_000 {
                report.bars.append(
                    Bar(what: "\(title): learned, k/s", limit: 100, isUpper: false, value: Spread(learned).median))
                report.bars.append(
                    Bar(what: "\(title): packets lost", limit: 0, isUpper: true, value: Spread(lost).median))
            }
        }
    }

    private struct Outcome {
        /// Packets sent, and flows installed, per second.
        var rate: Double
        var learned: Double
        var lost: Int
        var notLearned: [String: Int]
        var p50: Double
        var p99: Double
    }

    private func round(_ topology: WireTopology, offered: Int, cpu: Int) throws -> Outcome {
        let plane = try dataPlane(topology)
        var options = NodeController.Options()
        options.logger.logLevel = .error
        options.eventDescriptors = plane.eventFileDescriptors
        let controller = try NodeController(dataPlane: TimedDataPlane(plane), options: options)
        try Command.run("taskset -cp \(cpu) \(getpid()) > /dev/null")
        defer { wait { await controller.shutdown() } }
        let before = try topology.delivered()
        let begin = ContinuousClock.now
        let sent = try offer(topology, offered)
        let elapsed = (ContinuousClock.now - begin).seconds
        usleep(300_000)
        let delivered = try topology.delivered() - before
        let (statistics, health, times) = wait {
            (
                await controller.statistics().programmer,
                await controller.withDataPlane { $0.health() },
                await controller.withDataPlane { ($0 as? TimedDataPlane)?.times ?? [] }.sorted()
            )
        }
        func percentile(_ share: Double) -> Double {
            times.isEmpty ? .nan : Double(times[min(Int(Double(times.count) * share), times.count - 1)]) / 1e3
        }
        var notLearned = ["event lost": Int(health.eventsLost), "event suppressed": Int(health.eventsRepeated)]
        for refusal in Refusal.allCases { notLearned["\(refusal)"] = Int(statistics[refusal]) }
        return Outcome(
            rate: Double(sent) / elapsed, learned: Double(statistics.flowsInstalled) / elapsed,
            lost: sent - Int(delivered), notLearned: notLearned,
            p50: percentile(0.5), p99: percentile(0.99))
    }

    /// Sends a packet of every flow at the rate asked for, as far as one core can. Few of them come one at a time from a packet
    /// socket; many come in bursts from a live test run, some 25 ms apart, because each run waits for a grace period.
    private func offer(_ topology: WireTopology, _ rate: Int) throws -> Int {
        let sender = try RawSender(interface: "g0")
        let total = Int(Double(rate) * seconds)
        let begin = ContinuousClock.now
        var sent = 0
        while sent < total {
            let due = min(total, Int((ContinuousClock.now - begin).seconds * Double(rate)) + 1)
            if rate > 10_000 {
                let burst = due - sent
                if burst < 64 && due < total { continue }
                _ = try topology.send(burst, .ipv4, Workload(count: 1, inOrder: true))
                sent = due
            } else {
                while sent < due {
                    try sender.send(flow: sent)
                    sent += 1
                }
            }
        }
        return sent
    }

    /// A router with a route to the packets' destination, attached.
    private func dataPlane(_ topology: WireTopology) throws -> sending XDPDataPlane {
        var configuration = XDPConfiguration()
        configuration.ipv6Flows = 1024
        let node = try Node(configuration, learnFlows: true)
        if let prefix = IPPrefix(.v4(IPv4Address(rawValue: 0xc000_0200)), length: 24) {
            try node.write(
                [.insert(.route(RouteEntry(prefix: prefix, action: .nextHop(Node.nextHop))))], "routes")
        }
        let plane = node.dataPlane
        let (r0, r1) = (topology.r0, topology.r1)
        try topology.node.run {
            try plane.attach(Node.ingress, interfaceIndex: r0, policy: .native)
            try plane.attach(Node.egress, interfaceIndex: r1, policy: .native)
        }
        return plane
    }
}

/// Waits for work of the controller's.
func wait<T: Sendable>(_ work: @escaping @Sendable () async -> T) -> T {
    let result = Box<T>()
    Task.detached {
        result.value = await work()
        result.isDone.signal()
    }
    result.isDone.wait()
    // The signal is sent after the value is set.
    guard let value = result.value else { fatalError("the controller's answer is missing") }
    return value
}

/// SAFETY: written once before the semaphore is signalled, read once after it was waited for.
private final class Box<T>: @unchecked Sendable {
    var value: T?
    let isDone = DispatchSemaphore(value: 0)
}

/// Sends the benchmark's IPv4 packets one at a time, as a station would.
private final class RawSender {
    private let socket: Int32
    private var address = [UInt8](repeating: 0, count: 20)
    private var frame = Family.ipv4.packet

    init(interface: String) throws {
        socket = Glibc.socket(AF_PACKET, Int32(SOCK_RAW.rawValue), 0)
        guard socket >= 0 else {
            throw BenchError.command("socket(AF_PACKET)", status: errno, output: String(cString: strerror(errno)))
        }
        // struct sockaddr_ll: family, protocol, interface index (packet(7)).
        address.withUnsafeMutableBytes {
            $0.storeBytes(of: UInt16(AF_PACKET), as: UInt16.self)
            $0.storeBytes(of: if_nametoindex(interface), toByteOffset: 4, as: UInt32.self)
        }
    }

    deinit { close(socket) }

    func send(flow number: Int) throws {
        let flow = BenchFlow(number, .ipv4)
        frame.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(
                of: UInt32(truncatingIfNeeded: flow.sourceLow).bigEndian, toByteOffset: 26, as: UInt32.self)
            bytes.storeBytes(of: flow.sourcePort.bigEndian, toByteOffset: 34, as: UInt16.self)
            bytes.storeBytes(of: 0, toByteOffset: 24, as: UInt16.self)
            var sum: UInt32 = 0
            for at in stride(from: 14, to: 34, by: 2) { sum += UInt32(bytes.load(fromByteOffset: at, as: UInt16.self)) }
            sum = (sum & 0xffff) + (sum >> 16)
            sum += sum >> 16
            bytes.storeBytes(of: ~UInt16(truncatingIfNeeded: sum), toByteOffset: 24, as: UInt16.self)
        }
        let sent = frame.withUnsafeBytes { frame in
            address.withUnsafeBytes { address in
                sendto(
                    socket, frame.baseAddress, frame.count, 0,
                    address.assumingMemoryBound(to: sockaddr.self).baseAddress,
                    socklen_t(address.count))
            }
        }
        guard sent == frame.count else {
            throw BenchError.command(
                "sendto on a packet socket", status: errno, output: String(cString: strerror(errno)))
        }
    }
}
