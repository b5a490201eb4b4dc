// SPDX-License-Identifier: Apache-2.0
import CLinux
import Foundation
import Glibc
import Netlink
import Packet
import Synchronization
import TestSupport

/// Sends the packets of all flows in turn, at a steady rate, and counts what arrives at every host, from beginning to end.
///
/// It cannot lose a packet itself: no more are on their way at a time than the smallest buffer on it holds, a veth's ring of 256
/// (`drivers/net/veth.c`). Where the machine has no time, packets are sent later instead. What the sockets lost nevertheless is
/// told by `takeDrops`.
public final class Traffic: @unchecked Sendable {
    // SAFETY: the sending thread alone uses `cursor`, `debt` and the frames to be sent, the receiving thread alone what it
    // reads into; the headers expected are written before both begin. Everything else is atomic or in the mutex.

    /// Packets on their way at most.
    static let window = 128
    private static let batch = 32

    public let flows: [SoakFlow]
    /// Number of the flow that stands for all flows of one packet.
    private var passing: Int { flows.count }
    private let rate: Double
    private let ledger: Mutex<PacketLedger>

    private let frames: UnsafeMutableRawPointer
    private let expected: UnsafeMutableRawPointer
    private var lengths: [UInt16] = []
    private var payloads: [Int] = []
    private let macs: (destination: MACAddress, source: MACAddress)
    private let sender: PacketSocket
    private let receivers: [PacketSocket]

    private let isEnding = Atomic(false)
    private let isPaused = Atomic(true)
    private let isIdle = Atomic(false)
    private let threads = Atomic(0)
    private let passingRate = Atomic(0)
    private let sent = Atomic(0)
    private let arrived = Atomic(0)
    private let strangers = Atomic(0)
    private var cursor = 0
    private var passed = 0

    /// From host 1 of the topology to host 2; nothing is sent before `resume`.
    /// - Parameter rate: packets of the flows a second.
    public init(_ topology: RouterTopology, flows count: Int, rate: Int) throws {
        flows = (0..<count).map(SoakFlow.init)
        self.rate = Double(rate)
        ledger = Mutex(PacketLedger(flows: count + 1, destination: 2))
        let (one, two) = (topology.hosts[0], topology.hosts[1])
        macs = (MACAddress(one.portMACAddress), MACAddress(one.macAddress))
        let onward = (destination: MACAddress(two.macAddress), source: MACAddress(two.portMACAddress))
        frames = .allocate(byteCount: count * SoakFrame.stride, alignment: 64)
        expected = .allocate(byteCount: count * SoakFrame.stride, alignment: 64)
        sender = try one.namespace.run { try PacketSocket(sendingBy: "eth0") }
        receivers = try topology.hosts.map { host in
            try host.namespace.run { try PacketSocket(receivingAt: "eth0", bytes: 64 << 20) }
        }
        for (place, flow) in flows.enumerated() {
            for (buffer, hops, macs) in [(frames, UInt8(0), macs), (expected, 1, onward)] {
                let frame = SoakFrame(flow, hops: hops, macs: macs)
                (buffer + place * SoakFrame.stride).copyMemory(from: frame.bytes, byteCount: frame.bytes.count)
                guard hops == 0 else { continue }
                lengths.append(UInt16(frame.bytes.count))
                payloads.append(frame.headerLength)
            }
        }
        onwardMACs = onward
        begin { $0.sendAll() }
        begin { $0.receiveAll() }
    }
    private let onwardMACs: (destination: MACAddress, source: MACAddress)

    deinit {
        frames.deallocate()
        expected.deallocate()
    }

    private func begin(_ body: @escaping @Sendable (Traffic) -> Void) {
        threads.wrappingAdd(1, ordering: .sequentiallyConsistent)
        Thread { [self] in
            body(self)
            threads.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }.start()
    }

    /// Ends the threads, which keep this object until then.
    public func end() {
        isEnding.store(true, ordering: .sequentiallyConsistent)
        while threads.load(ordering: .sequentiallyConsistent) > 0 { usleep(1000) }
    }

    // MARK: Orders

    /// Sends from now on.
    public func resume() { isPaused.store(false, ordering: .sequentiallyConsistent) }

    /// Sends nothing from when this returns, and waits until all has arrived, or a second after nothing more came.
    public func pause() {
        isIdle.store(false, ordering: .sequentiallyConsistent)
        isPaused.store(true, ordering: .sequentiallyConsistent)
        while !isIdle.load(ordering: .sequentiallyConsistent) { usleep(200) }
        var last = -1
        var quietSince = Self.now()
        while ledger.withLock({ $0.outstanding }) > 0 {
            let count = arrived.load(ordering: .relaxed)
            if count != last { (last, quietSince) = (count, Self.now()) }
            if Self.now() - quietSince > 1_000_000_000 { return }
            usleep(1000)
        }
    }

    /// So many new flows of one packet a second beside the others; they go the same way and are counted as one flow.
    public func setPassing(perSecond: Int) { passingRate.store(perSecond, ordering: .relaxed) }

    /// What became of all packets since the last time. Paused, or what is on its way counts as lost.
    public func settle() -> PacketLedger.Report { ledger.withLock { $0.settle() } }

    /// How many packets of each flow have been sent, those of one packet a flow last.
    public func sentByFlow() -> [UInt64] { ledger.withLock { ledger in (0...flows.count).map { ledger.sent($0) } } }

    /// Of both kinds, in all.
    public var sentInAll: Int { sent.load(ordering: .relaxed) }

    /// Frames that are not ours and arrived at some host.
    public var strangersSeen: Int { strangers.load(ordering: .relaxed) }

    /// Frames the receiving sockets had no room for since this was asked last: those are the harness's loss.
    public func takeDrops() -> Int { receivers.reduce(0) { $0 + $1.takeDrops() } }

    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    // MARK: Sending

    private func sendAll() {
        var debt = 0.0
        var passingDebt = 0.0
        var last = Self.now()
        var (progress, progressed, writtenOff) = (0, last, 0)
        while !isEnding.load(ordering: .relaxed) {
            if isPaused.load(ordering: .sequentiallyConsistent) {
                isIdle.store(true, ordering: .sequentiallyConsistent)
                usleep(500)
                last = Self.now()
                continue
            }
            let now = Self.now()
            let elapsed = Double(now - last) / 1e9
            last = now
            // What was not sent in time is not made up for: a burst would be another load than asked for.
            debt = min(debt + elapsed * rate, rate / 100)
            passingDebt = min(passingDebt + elapsed * Double(passingRate.load(ordering: .relaxed)), 64)
            let back = arrived.load(ordering: .relaxed)
            if back != progress { (progress, progressed) = (back, now) }
            var room = Self.window - (sent.load(ordering: .relaxed) - back - writtenOff)
            if room <= 0, now - progressed > 250_000_000 {
                // Lost, as it seems; the ledger knows which. The others go on.
                writtenOff = sent.load(ordering: .relaxed) - back
                room = Self.window
            }
            let count = min(Int(debt), room, Self.batch)
            if count > 0 {
                debt -= Double(sendFlows(count, now))
                room -= count
            }
            if passingDebt >= 1, room > 0 {
                sendPassing(now)
                passingDebt -= 1
            }
            if count < Self.batch, passingDebt < 1 || room <= 0 { usleep(500) }
        }
    }

    /// The next packets in turn; how many.
    private func sendFlows(_ wanted: Int, _ now: UInt64) -> Int {
        let first = cursor
        let count = min(wanted, flows.count - first)
        ledger.withLock { ledger in
            for flow in first..<first + count {
                let sequence = ledger.send(flow, at: now)
                SoakFrame.stamp(
                    frames + flow * SoakFrame.stride, payload: payloads[flow], sequence: sequence, time: now)
            }
        }
        sent.wrappingAdd(count, ordering: .relaxed)
        let taken = lengths.withUnsafeBufferPointer { lengths in
            lengths.baseAddress.map { sender.send(frames + first * SoakFrame.stride, $0 + first, count) } ?? 0
        }
        if taken < count {
            ledger.withLock { ledger in for flow in first + taken..<first + count { ledger.unsend(flow) } }
            sent.wrappingSubtract(count - taken, ordering: .relaxed)
        }
        cursor = (first + taken) % flows.count
        return count
    }

    private func sendPassing(_ now: UInt64) {
        var frame = SoakFrame(passing: passed, as: passing, macs: macs)
        passed += 1
        let sequence = ledger.withLock { $0.send(passing, at: now) }
        sent.wrappingAdd(1, ordering: .relaxed)
        if !sender.send(&frame, sequence: sequence, time: now) {
            ledger.withLock { $0.unsend(passing) }
            sent.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    // MARK: Receiving

    private func receiveAll() {
        let stride = 256
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: PacketSocket.batch * stride, alignment: 64)
        defer { buffer.deallocate() }
        var lengths = [UInt16](repeating: 0, count: PacketSocket.batch)
        while !isEnding.load(ordering: .relaxed) {
            for place in PacketSocket.wait(for: receivers, milliseconds: 20) {
                let count = receivers[place].receive(buffer, stride, &lengths)
                if count > 0 { take(count, buffer, stride, lengths, host: place + 1) }
            }
            // A few at a time cost less than each by itself.
            usleep(300)
        }
    }

    private func take(_ count: Int, _ buffer: UnsafeRawPointer, _ stride: Int, _ lengths: [UInt16], host: Int) {
        let now = Self.now()
        var ours = 0
        ledger.withLock { ledger in
            for place in 0..<count {
                let frame = buffer + place * stride
                guard let mark = SoakFrame.Mark(frame, length: min(Int(lengths[place]), stride)) else { continue }
                ours += 1
                ledger.arrive(
                    mark.flow, mark.sequence, host: host, isIntact: isIntact(frame, mark, Int(lengths[place])),
                    sent: mark.time, now: now)
            }
        }
        arrived.wrappingAdd(ours, ordering: .relaxed)
        strangers.wrappingAdd(count - ours, ordering: .relaxed)
    }

    /// Whether the header is the one a router makes of what was sent.
    private func isIntact(_ frame: UnsafeRawPointer, _ mark: SoakFrame.Mark, _ length: Int) -> Bool {
        if mark.flow == passing {
            var macs: [UInt8] = []
            macs.append(onwardMACs.destination)
            macs.append(onwardMACs.source)
            return memcmp(frame, macs, macs.count) == 0
        }
        guard mark.flow < flows.count else { return false }
        return length == Int(lengths[mark.flow])
            && memcmp(frame, expected + mark.flow * SoakFrame.stride, payloads[mark.flow]) == 0
    }
}

extension MACAddress {
    fileprivate init(_ address: LinkLayerAddress) { self.init(rawValue: address.value) }
}
