// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The SPI of a card that runs as a process of its own and listens on a Unix socket (`CardSocket` has the protocol): a
/// batch of frames is one message, so that a fault in framing shows as it would on the wire.
public final class SocketSPIDevice: SPIDevice {
    private static let batch: UInt8 = 0x01

    private var socket: CardSocket

    /// - Parameters:
    ///   - timeout: how long to wait for an answer, in milliseconds.
    ///   - restFactor: after one that did not come nothing is asked for so many times as long, so that its user is held up a small part
    ///     of the time.
    public init(path: String, timeout: Int = 2000, restFactor: Int = 5) throws(CardSocketError) {
        socket = try CardSocket(path: path, timeout: timeout, restFactor: restFactor)
    }

    public var name: String { "unix:\(socket.path)" }

    public var limits: SPILimits {
        // Each frame has two bytes of length before it.
        let perFrame = SPIFrame.longest + 2
        let frames = min(CardSocket.mostFrames, (CardSocket.longestMessage - 4) / perFrame)
        return SPILimits(frames: frames, bytes: frames * SPIFrame.longest)
    }

    public func exchange(_ frames: inout SPIFrames) throws(SPIError) {
        do {
            try request(frames)
            try socket.ask()
            try receive(&frames)
        } catch {
            throw SPIError(.peer("\(error)"))
        }
    }

    private func request(_ frames: SPIFrames) throws(CardSocketError) {
        guard frames.count <= CardSocket.mostFrames else {
            throw .tooLong(path: socket.path, what: "\(frames.count) frames; a batch holds \(CardSocket.mostFrames)")
        }
        socket.begin(Self.batch)
        socket.append(UInt16(frames.count))
        var start = 0
        for length in frames.lengths {
            socket.append(length)
            socket.request.append(contentsOf: frames.output[start..<start + Int(length)])
            start += Int(length)
        }
    }

    private func receive(_ frames: inout SPIFrames) throws(CardSocketError) {
        var reader = socket.reader()
        _ = try reader.bytes(2)
        let count = try reader.number()
        guard count == frames.count else {
            throw .malformed(path: socket.path, what: "it answered \(frames.count) frames with \(count)")
        }
        var start = 0
        for (index, length) in frames.lengths.enumerated() {
            let found = try reader.number()
            guard found == length else {
                throw .malformed(
                    path: socket.path, what: "it answered frame \(index + 1) of \(length) bytes with \(found) bytes")
            }
            frames.fill(at: start, try reader.bytes(Int(length)))
            start += Int(length)
        }
        try reader.end()
    }
}
