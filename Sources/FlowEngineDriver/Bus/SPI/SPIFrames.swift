// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Frames to be carried out in one go, and what came back: a buffer that is filled again and again.
///
/// Bytes of all frames lie one after another, those that go out in `output`, those that come in during the same clock
/// pulses in `input`.
public struct SPIFrames: Sendable {
    public private(set) var output: [UInt8] = []
    /// As long as `output`; zeros until a device has filled it.
    public private(set) var input: [UInt8] = []
    /// Bytes of each frame.
    public private(set) var lengths: [UInt16] = []

    public init() {}

    public var count: Int { lengths.count }

    /// Forgets the frames and keeps the memory.
    public mutating func removeAll() {
        output.removeAll(keepingCapacity: true)
        input.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
    }

    /// Adds a frame of any bytes.
    public mutating func append(_ frame: [UInt8]) {
        output.append(contentsOf: frame)
        finish(frame.count)
    }

    /// Adds the frame of a register access.
    mutating func append(_ access: RegisterAccess) {
        let command = SPIFrame.Command(access)
        let address = access.address.rawValue
        output.append(command.rawValue)
        output.append(UInt8(truncatingIfNeeded: address >> 16))
        output.append(UInt8(truncatingIfNeeded: address >> 8))
        output.append(UInt8(truncatingIfNeeded: address))
        append(word: access.kind == .write ? access.value : 0)
        if command == .readMMI { append(word: 0) }
        finish(command.length)
    }

    private mutating func append(word: UInt32) {
        output.append(UInt8(truncatingIfNeeded: word >> 24))
        output.append(UInt8(truncatingIfNeeded: word >> 16))
        output.append(UInt8(truncatingIfNeeded: word >> 8))
        output.append(UInt8(truncatingIfNeeded: word))
    }

    private mutating func finish(_ length: Int) {
        for _ in 0..<length { input.append(0) }
        lengths.append(UInt16(length))
    }

    /// Puts what came in at its place, counted in bytes from the first frame's first.
    mutating func fill(at start: Int, _ bytes: ArraySlice<UInt8>) {
        input.replaceSubrange(start..<start + bytes.count, with: bytes)
    }

    /// The word in the four bytes before `end` of what came in.
    func word(endingAt end: Int) -> UInt32 {
        UInt32(input[end - 4]) << 24 | UInt32(input[end - 3]) << 16 | UInt32(input[end - 2]) << 8
            | UInt32(input[end - 1])
    }

    /// Hands the memory to a device: bytes out, bytes in, lengths.
    public mutating func withBuffers<Result>(
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeMutableBufferPointer<UInt8>, UnsafeBufferPointer<UInt16>) -> Result
    ) -> Result {
        let lengths = lengths
        return output.withUnsafeBufferPointer { output in
            input.withUnsafeMutableBufferPointer { input in
                lengths.withUnsafeBufferPointer { body(output, input, $0) }
            }
        }
    }

    /// Lets a slave that lives in this process answer frame by frame; it gets the bytes of one assertion of the chip
    /// select and returns as many.
    public mutating func answer(_ slave: ([UInt8]) throws(SPIError) -> [UInt8]) throws(SPIError) {
        var start = 0
        for (index, length) in lengths.enumerated() {
            let end = start + Int(length)
            let answer = try slave(Array(output[start..<end]))
            guard answer.count == end - start else {
                throw SPIError(
                    .peer(
                        "the slave answered frame \(index + 1) of \(count) with \(answer.count) bytes instead of \(length)"
                    ),
                    completed: index)
            }
            input.replaceSubrange(start..<end, with: answer)
            start = end
        }
    }
}
