// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Packet
import Synchronization
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Packets from host 1 to host 2, some thousand a second, each with a number of its own, sent and received by another thread.
///
/// Flows take turns: UDP from ports 1 to `flows`, to port 9 of host 2, over IPv4 and IPv6 alternately where both are asked for.
final class NumberedTraffic: @unchecked Sendable {
    // SAFETY: taps and results belong to the thread that runs `run` until it has been joined; what is read meanwhile is atomic.
    private let sender: Tap
    private let receiver: Tap
    private var frames: [[UInt8]] = []
    private var numberOffsets: [Int] = []
    private let stop = Atomic(false)
    private let sent = Atomic(0)
    private let received = Atomic(0)
    private var thread = pthread_t()
    /// When each packet was sent, nanoseconds.
    private(set) var times: [UInt64] = []
    private(set) var arrived: [Bool] = []
    /// Packets that arrived more than once.
    private(set) var repeated = 0
    /// How many were sent by each flow.
    private(set) var perFlow: [Int]

    init(_ node: LiveNode, flows: Int, to destinations: [String] = ["10.0.2.2"]) {
        (sender, receiver) = (node.tap(1), node.tap(2))
        for flow in 0..<flows {
            let destination = destinations[flow % destinations.count]
            frames.append(LiveNode.udp(to: destination, number: UInt16(flow + 1)))
            numberOffsets.append(destination.contains(":") ? 62 : 42)
        }
        perFlow = Array(repeating: 0, count: flows)
    }

    var sentSoFar: Int { sent.load(ordering: .relaxed) }
    var receivedSoFar: Int { received.load(ordering: .relaxed) }
    /// Numbers of the packets that did not arrive.
    var lost: [Int] { arrived.indices.filter { !arrived[$0] } }

    func start() {
        let context = Unmanaged.passRetained(self)
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<NumberedTraffic>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
    }

    /// Waits until so many more packets have been sent; what has been sent by then.
    @discardableResult
    func wait(packets: Int) -> Int {
        let goal = sentSoFar + packets
        for _ in 0..<60_000 where sentSoFar < goal { usleep(1000) }
        return sentSoFar
    }

    /// Ends, and waits for what is still on its way.
    func end() {
        stop.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
    }

    private func run() {
        var flow = 0
        while !stop.load(ordering: .relaxed) {
            for _ in 0..<8 {
                let number = times.count
                withUnsafeBytes(of: UInt64(number).bigEndian) {
                    frames[flow].replaceSubrange(numberOffsets[flow]..<numberOffsets[flow] + 8, with: $0)
                }
                times.append(monotonicNanoseconds())
                arrived.append(false)
                perFlow[flow] += 1
                try? sender.send(frames[flow])
                flow = (flow + 1) % frames.count
            }
            sent.store(times.count, ordering: .relaxed)
            receive()
            usleep(1000)
        }
        let deadline = monotonicNanoseconds() + 2_000_000_000
        while receivedSoFar < times.count, monotonicNanoseconds() < deadline {
            receive()
            usleep(1000)
        }
    }

    private func receive() {
        for frame in receiver.arrived(where: isTestTraffic) {
            let offset = frame[12] == 0x86 ? 62 : 42
            let number = frame[offset..<offset + 8].reduce(0) { $0 << 8 | Int($1) }
            guard number < arrived.count else { continue }
            if arrived[number] { repeated += 1 } else { received.add(1, ordering: .relaxed) }
            arrived[number] = true
        }
        receiver.forgetSeen()
    }
}

extension FastPathImage {
    /// A test's program as the file it would be.
    init(_ base64: StaticString) throws {
        try self.init(OpenObject.image(name: "variant", base64: base64))
    }

    static var upgraded: FastPathImage { get throws { try FastPathImage(UpgradedObject.base64) } }
    static var dropping: FastPathImage { get throws { try FastPathImage(DroppingObject.base64) } }
    static var missing: FastPathImage { get throws { try FastPathImage(MissingObject.base64) } }
    static var silent: FastPathImage { get throws { try FastPathImage(SilentObject.base64) } }
    static var unverifiable: FastPathImage { get throws { try FastPathImage(UnverifiableObject.base64) } }
}

extension XDPConfiguration {
    /// The same with another program.
    func with(_ image: FastPathImage?) -> XDPConfiguration {
        var other = self
        other.image = image
        return other
    }

    /// The same with tables so much larger or smaller.
    func scaled(_ up: Int, _ down: Int = 1) -> XDPConfiguration {
        var other = self
        (other.ipv4Flows, other.ipv6Flows) = (ipv4Flows * up / down, ipv6Flows * up / down)
        (other.macs, other.routes) = (macs * up / down, routes * up / down)
        return other
    }
}
