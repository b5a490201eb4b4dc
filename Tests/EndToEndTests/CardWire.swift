// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import TestSupport

@testable import Soak

/// What is plugged into a simulated card: a host at its first port, which sends frames all the time, and the cable to the node,
/// onto which goes what the card hands to its host.
final class CardWire: Sendable {
    private let card: Int32
    private let cable: PacketSocket
    private let frames: [[UInt8]]
    private let isStopped = Atomic(false)
    private let hasEnded = Atomic(false)
    /// Frames that the card sent by itself, by port.
    private let sent = Mutex<[Int: Int]>([:])

    /// In the network namespace of the node.
    ///
    /// - Parameters:
    ///   - socket: the card's.
    ///   - interface: the far end of the cable.
    init(socket path: String, interface: String, frames: [[UInt8]]) throws {
        self.frames = frames
        cable = try PacketSocket(sendingBy: interface)
        card = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(card, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            throw Unexpected(description: "no card at \(path): errno \(errno)")
        }
    }

    deinit { close(card) }

    func forwarded(by port: Int) -> Int { sent.withLock { $0[port] ?? 0 } }

    /// Sends until told to stop, some thousand frames a second.
    func start() throws {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<CardWire>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard result == 0 else { throw Unexpected(description: "pthread_create: \(result)") }
        pthread_detach(thread)
    }

    func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        _ = eventually { hasEnded.load(ordering: .sequentiallyConsistent) }
    }

    private func run() {
        var answer = [UInt8](repeating: 0, count: 128 * 1024)
        while !isStopped.load(ordering: .relaxed) {
            for frame in frames {
                // Request 0x02: a frame in at port 0.
                let request: [UInt8] = [2, 0, UInt8(frame.count >> 8), UInt8(frame.count & 255)] + frame
                guard send(card, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                    continue
                }
                take(answer.prefix(max(0, recv(card, &answer, answer.count, 0))))
            }
            usleep(1000)
        }
        hasEnded.store(true, ordering: .sequentiallyConsistent)
    }

    /// What came out: kind (0 port, 1 host), number, length, bytes; one behind the other.
    private func take(_ answer: ArraySlice<UInt8>) {
        guard answer.count >= 4, answer[0] == 0x82 else { return }
        var at = 4
        for _ in 0..<(Int(answer[2]) << 8 | Int(answer[3])) where at + 4 <= answer.count {
            let length = Int(answer[at + 2]) << 8 | Int(answer[at + 3])
            let (kind, number) = (answer[at], Int(answer[at + 1]))
            let frame = Array(answer[(at + 4)..<min(at + 4 + length, answer.count)])
            at += 4 + length
            if kind == 1 {
                _ = cable.send(frame)
            } else {
                sent.withLock { $0[number, default: 0] += 1 }
            }
        }
    }
}
