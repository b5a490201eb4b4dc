// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestSupport
import Testing

@testable import BPF

@Suite("Ring buffers", .enabled(if: kernelTestsRun))
struct RingBufferTests {
    @Test("records come in order, discarded ones do not come, and the ring wraps many times")
    func order() throws {
        let object = try loadBasic()
        var ring = try RingBuffer(object.map("events"))
        var run = try TestRun(object.program("emit"))
        var sequences: [UInt64] = []
        for _ in 0..<50 {
            _ = try run.run(frame, repeat: 60)
            try ring.poll(milliseconds: 1000) { bytes in
                let event = bytes.loadUnaligned(as: BasicEvent.self)
                if event.length != UInt32(frame.count) { sequences.append(.max) }
                sequences.append(event.sequence)
            }
        }
        #expect(sequences == (0..<UInt64(3000)).filter { $0 % 3 != 2 })
        #expect(ring.pendingBytes == 0)
    }

    @Test("a bounded read stops there and the rest comes with the next")
    func bounded() throws {
        let object = try loadBasic()
        var ring = try RingBuffer(object.map("events"))
        var run = try TestRun(object.program("emit"))
        _ = try run.run(frame, repeat: 9)
        var counts: [Int] = []
        counts.append(ring.consume(maximum: 4) { _ in })
        counts.append(ring.consume(maximum: 4) { _ in })
        counts.append(ring.consume(maximum: 4) { _ in })
        #expect(counts == [4, 2, 0])
    }

    @Test("a full ring refuses, and takes records again once it was read")
    func full() throws {
        let object = try loadBasic()
        var ring = try RingBuffer(object.map("events"))
        var run = try TestRun(object.program("emit"))
        #expect(try run.run(frame, repeat: 1000).returnValue == 0)
        ring.consume { _ in }
        #expect(try run.run(frame).returnValue == pass)
    }

    @Test("a record whose reader throws is not handed out again")
    func throwing() throws {
        struct Stop: Error {}
        let object = try loadBasic()
        var ring = try RingBuffer(object.map("events"))
        var run = try TestRun(object.program("emit"))
        _ = try run.run(frame, repeat: 2)
        var first: UInt64?
        do throws(Stop) { try ring.consume { _ throws(Stop) in throw Stop() } } catch {}
        ring.consume { first = $0.loadUnaligned(as: UInt64.self) }
        #expect(first == 1)
    }

    @Test("the descriptor is readable exactly while there is something to read")
    func descriptor() throws {
        let object = try loadBasic()
        var ring = try RingBuffer(object.map("events"))
        var run = try TestRun(object.program("emit"))
        func readable() -> Bool {
            var wait = pollfd(fd: ring.fileDescriptor, events: Int16(POLLIN), revents: 0)
            return poll(&wait, 1, 0) == 1
        }
        #expect(!readable())
        _ = try run.run(frame)
        #expect(readable())
        ring.consume { _ in }
        #expect(!readable())
    }
}
