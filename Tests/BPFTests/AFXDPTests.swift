// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestSupport
import Testing

@testable import BPF

@Suite("AF_XDP sockets", .enabled(if: kernelTestsRun))
struct AFXDPTests {
    @Test("frames sent by one socket reach the other and come back, bytes intact")
    func roundTrip() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let near = try loadBasic()
            let far = try loadBasic()
            let nearLink = try XDPLink(near.program("to_socket"), interfaceIndex: veth.left, policy: .native)
            let farLink = try XDPLink(far.program("to_socket"), interfaceIndex: veth.right, policy: .native)
            var left = try AFXDPSocket(interface: "left", queue: 0, ringSize: 64)
            var right = try AFXDPSocket(interface: "right", queue: 0, ringSize: 64)
            try near.map("sockets").setSocket(left, at: 0)
            try far.map("sockets").setSocket(right, at: 0)

            // More rounds than the rings have room for: frames must come back into use.
            for round in 0..<20 {
                let marks = (0..<16).map { UInt8(truncatingIfNeeded: round * 16 + $0) }
                func marked(_ mark: UInt8) -> [UInt8] { frame + [UInt8](repeating: mark, count: 40) }
                try eventually { left.reclaim() >= 16 }
                let sent = try left.send(count: 16) { index, buffer in
                    buffer.copyBytes(from: marked(marks[index]))
                    return frame.count + 40
                }
                #expect(sent == 16)
                var there: [[UInt8]] = []
                try eventually {
                    right.receive { there.append(Array($0)) }
                    return filterOwn(there).count >= 16
                }
                #expect(filterOwn(there) == marks.map(marked))
                _ = try right.send(count: 16) { index, buffer in
                    buffer.copyBytes(from: filterOwn(there)[index])
                    return frame.count + 40
                }
                var back: [[UInt8]] = []
                try eventually {
                    left.receive { back.append(Array($0)) }
                    return filterOwn(back).count >= 16
                }
                #expect(filterOwn(back) == marks.map(marked))
            }
            _ = consume nearLink
            _ = consume farLink
        }
    }

    /// The kernel's own neighbour discovery is on the wire too.
    private func filterOwn(_ frames: [[UInt8]]) -> [[UInt8]] { frames.filter { $0.starts(with: frame) } }

    @Test("a second socket on a queue is refused with the reason")
    func busy() throws {
        try inPrivateNetworkNamespace {
            _ = try makeVeth()
            let first = try AFXDPSocket(interface: "left", queue: 0, ringSize: 64)
            var caught: BPFError?
            do throws(BPFError) { _ = try AFXDPSocket(interface: "left", queue: 0, ringSize: 64) } catch {
                caught = error
            }
            #expect(caught?.errno == .busy && "\(caught as Any)".contains("the queue has another socket"))
            _ = consume first
        }
    }

    @Test("an interface or queue that is not there is an error naming it")
    func missing() throws {
        try inPrivateNetworkNamespace {
            _ = try makeVeth()
            var words: [String] = []
            do throws(BPFError) { _ = try AFXDPSocket(interface: "nope", queue: 0) } catch { words.append("\(error)") }
            do throws(BPFError) { _ = try AFXDPSocket(interface: "left", queue: 99) } catch { words.append("\(error)") }
            #expect(words.count == 2)
            #expect(words[0].contains("nope queue 0") && words[1].contains("left queue 99"))
        }
    }
}
