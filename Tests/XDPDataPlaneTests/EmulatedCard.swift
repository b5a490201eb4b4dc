// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Netlink
import Synchronization
import TestSupport

@testable import XDPDataPlane

/// What a card does with a frame: by place in its list of ports.
protocol CardBehavior: Sendable {
    /// A frame, padded as on a wire, comes in at a port: frames for the CPU.
    func fromPort(_ place: Int, _ frame: [UInt8]) -> [[UInt8]]
    /// A frame comes from the CPU, with or without a tag: frames for ports.
    func fromCPU(_ frame: [UInt8]) -> [(place: Int, frame: [UInt8])]
}

/// A card between interfaces of a namespace. Left to itself it does nothing but carry frames between its ports and its CPU port,
/// with tags that it makes and reads on its own: `card_tag.h` is not used here.
final class EmulatedCard: @unchecked Sendable {
    // SAFETY: buffers and lists belong to the thread that runs `run` until it has been joined; the rest is atomic.

    /// What the tag calls a port.
    struct Port {
        var interface: String
        var ingress: UInt8
        var egress: UInt8
    }

    private static let capacity = 2048
    private let version: CardTagVersion
    /// nil: it only carries.
    private let behavior: (any CardBehavior)?
    private let ports: [(port: Port, socket: Int32, index: Int32)]
    private let cpu: (socket: Int32, index: Int32)
    private let buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity * Int(PACKET_BATCH), alignment: 64)
    private var thread = pthread_t()
    private let stop = Atomic(false)
    private let toCPU = Atomic(0)
    private let fromCPU = Atomic(0)
    private let untaggedFromCPU = Atomic(0)
    private let queues: [Atomic8]
    /// Frames from the CPU that no node should send, in words; read after `end()`.
    private(set) var mistakes: [String] = []

    final class Atomic8: Sendable { let value = Atomic(0) }

    /// In the calling thread's network namespace.
    init(_ version: CardTagVersion, cpu: String, ports: [Port], behavior: (any CardBehavior)?) throws {
        func receiver(_ name: String) throws -> (socket: Int32, index: Int32) {
            let index = Int32(bitPattern: if_nametoindex(name))
            let socket = packet_receiver(index, 64 << 20)
            guard index > 0, socket >= 0 else { throw NoTap(interface: name, errno: -socket) }
            return (socket, index)
        }
        (self.version, self.behavior) = (version, behavior)
        self.cpu = try receiver(cpu)
        self.ports = try ports.map { port in
            let receiver = try receiver(port.interface)
            return (port, receiver.socket, receiver.index)
        }
        queues = (0..<64).map { _ in Atomic8() }
    }

    deinit {
        for socket in ports.map(\.socket) + [cpu.socket] { close(socket) }
        buffer.deallocate()
    }

    /// Frames that have crossed towards the CPU, and from there.
    var crossed: (up: Int, down: Int) { (toCPU.load(ordering: .relaxed), fromCPU.load(ordering: .relaxed)) }
    /// What the Pi sent by the CPU port's own interface.
    var untagged: Int { untaggedFromCPU.load(ordering: .relaxed) }
    /// Frames that were to go to a queue.
    func frames(inQueue queue: Int) -> Int { queues[queue].value.load(ordering: .relaxed) }

    /// Puts a frame on the CPU link as it is.
    func inject(_ frame: [UInt8]) throws {
        let status = frame.withUnsafeBytes { packet_send(cpu.socket, cpu.index, $0.baseAddress, $0.count) }
        guard status == 0 else { throw NoTap(interface: "the CPU link", errno: -status) }
    }

    // MARK: Tags

    /// A frame as the card hands it up: padded, then tagged. Reason 28, clocks that run.
    func tag(_ frame: [UInt8], ingress: UInt8, reason: UInt8 = 28, bad: Bool = false) -> [UInt8] {
        let word: UInt16 =
            version == .four
            ? UInt16(ingress) << 11 | 0b11111 << 6 | UInt16(reason) << 1
            : UInt16(ingress) << 10 | 0b111111 << 4 | UInt16(reason & 7) << 1
        var tag: [UInt8] = [0x81, 0x3e, UInt8(word >> 8), UInt8(word & 0xff) | (bad ? 1 : 0)]
        tag += [0, 0, 0, 9, 0, 0, 0, 7]
        if version == .three || version == .four { tag += [0, 0, 0, 1, 0, 0, 0, 9] }
        tag += [0, 0, 0, 0]
        let padding = [UInt8](repeating: 0, count: max(0, 60 - frame.count))
        return Array(frame[..<12]) + tag + Array(frame[12...]) + padding
    }

    /// Where a frame from the CPU goes and what is left of it; nil, with a reason, if no card would take it.
    private func untag(_ frame: UnsafeRawBufferPointer) -> (place: Int, frame: [UInt8])? {
        func refuse(_ why: String) -> (place: Int, frame: [UInt8])? {
            mistakes.append("\(why): " + frame.prefix(40).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
            return nil
        }
        let length = version == .three || version == .four ? 24 : 16
        guard frame.count >= 60 + length else { return refuse("\(frame.count) bytes are too few") }
        let word = UInt16(frame[14]) << 8 | UInt16(frame[15])
        let (ingress, egress, queue) =
            version == .four ? (word >> 11, word >> 6 & 31, word & 63) : (word >> 10, word >> 4 & 63, word >> 1 & 7)
        guard ingress == (version == .four ? 31 : 63) else { return refuse("ingress \(ingress)") }
        guard frame[16..<20].allSatisfy({ $0 == 0xff }) else { return refuse("a transmit time") }
        guard frame[20..<12 + length].allSatisfy({ $0 == 0 }) else {
            return refuse("a confirmation or something reserved")
        }
        guard let port = ports.firstIndex(where: { UInt16($0.port.egress) == egress }) else {
            return refuse("egress \(egress)")
        }
        queues[Int(queue)].value.add(1, ordering: .relaxed)
        return (port, Array(frame[..<12]) + Array(frame[(12 + length)...]))
    }

    // MARK: Carrying

    func start() {
        let context = Unmanaged.passRetained(self)
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<EmulatedCard>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
    }

    /// May be called again.
    func end() {
        if !stop.exchange(true, ordering: .relaxed) { pthread_join(thread, nil) }
    }

    private func run() {
        var waiting = (ports.map(\.socket) + [cpu.socket]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while !stop.load(ordering: .relaxed) {
            guard poll(&waiting, UInt(waiting.count), 20) > 0 else { continue }
            for (place, port) in ports.enumerated() where waiting[place].revents != 0 {
                receive(port.socket) { frame in
                    // What the stack of this namespace has to say, it says to nobody.
                    let padded = Array(frame) + [UInt8](repeating: 0, count: max(0, 60 - frame.count))
                    let tagged = behavior?.fromPort(place, padded) ?? [tag(padded, ingress: port.port.ingress)]
                    for frame in tagged { send(frame, by: cpu) }
                    toCPU.add(tagged.count, ordering: .relaxed)
                }
            }
            guard waiting[ports.count].revents != 0 else { continue }
            receive(cpu.socket) { frame in
                guard frame.count >= 14, frame[12] == 0x81, frame[13] == 0x3e else {
                    untaggedFromCPU.add(1, ordering: .relaxed)
                    return
                }
                let sent = behavior?.fromCPU(Array(frame)) ?? untag(frame).map { [$0] } ?? []
                for (place, bare) in sent { send(bare, by: (ports[place].socket, ports[place].index)) }
                fromCPU.add(sent.count, ordering: .relaxed)
            }
        }
    }

    private func receive(_ socket: Int32, _ body: (UnsafeRawBufferPointer) -> Void) {
        var lengths = [UInt16](repeating: 0, count: Int(PACKET_BATCH))
        let count = packet_receive_batch(socket, buffer, Self.capacity, &lengths, UInt32(PACKET_BATCH))
        guard count > 0 else { return }
        for (place, length) in lengths.prefix(Int(count)).enumerated() {
            guard Int(length) <= Self.capacity else {
                mistakes.append("a frame of \(length) bytes")
                continue
            }
            body(UnsafeRawBufferPointer(start: buffer + place * Self.capacity, count: Int(length)))
        }
    }

    private func send(_ frame: [UInt8], by way: (socket: Int32, index: Int32)) {
        while true {
            let status = frame.withUnsafeBytes { packet_send(way.socket, way.index, $0.baseAddress, $0.count) }
            if status == -ENOBUFS || status == -EAGAIN || status == -EINTR { continue }
            // An interface that is down: as if nobody were on the cable.
            if status != 0, status != -ENETDOWN, status != -ENXIO {
                mistakes.append("sending \(frame.count) bytes: \(String(cString: strerror(-status)))")
            }
            return
        }
    }
}
