// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestSupport
import Testing

@testable import BPF

@Suite("Test runs", .enabled(if: kernelTestsRun))
struct TestRunTests {
    @Test("the packet that comes out may be longer than the one that went in")
    func grows() throws {
        var run = try TestRun(loadBasic().program("grow"))
        let outcome = try run.run(frame)
        #expect(outcome.outputSize == frame.count + 4)
        #expect(Array(run.outputBytes[4...]) == frame)
        #expect(run.output.byteCount == frame.count + 4)
    }

    @Test("the program sees the ingress interface it is told")
    func context() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            var run = try TestRun(loadBasic().program("interface_index"))
            #expect(try run.run(frame, interfaceIndex: veth.right).returnValue == veth.right)
            var caught: BPFError?
            do throws(BPFError) { _ = try run.run(frame, interfaceIndex: 4711) } catch { caught = error }
            #expect(caught?.errno?.name == "ENODEV")
        }
    }

    @Test("an output buffer that is too small is named as the cause")
    func tooSmall() throws {
        var run = try TestRun(loadBasic().program("answer"), outputCapacity: 64)
        var caught: BPFError?
        do throws(BPFError) { _ = try run.run([UInt8](repeating: 0, count: 100)) } catch { caught = error }
        #expect("\(caught as Any)".contains("larger than 64 bytes"))
    }

    @Test("repetitions are counted and timed")
    func repeats() throws {
        let object = try loadBasic()
        var run = try TestRun(object.program("answer"))
        #expect(try run.run(frame, repeat: 10_000).duration > 0)
        #expect(try object.map("shared", key: UInt32.self, value: BasicValue.self).lookup(0)?.count == 10_000)
    }

    @Test("a program that copes with fragments sees a packet of several buffers come out whole")
    func fragments() throws {
        let jumbo = frame + (0..<9000).map { UInt8(truncatingIfNeeded: $0) }
        let open = try openBasic()
        try open.addFlags(.xdpHasFragments, toProgram: "answer")
        let object = try open.load()
        var run = try TestRun(object.program("answer"))
        #expect(try run.run(jumbo).returnValue == pass)
        #expect(run.outputBytes == jumbo)
    }

    @Test("live frames leave by the devmap, pass the egress program and arrive at the peer, all of them")
    func live() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let object = try loadBasic()
            let link = try XDPLink(object.program("count_and_drop"), interfaceIndex: veth.right, policy: .native)
            try object.map("ports").setDevice(veth.left, egress: object.program("egress"), at: 1)
            var run = try TestRun(object.program("redirect"))
            try frame.withUnsafeBytes {
                try run.runLive($0, count: 1000, interfaceIndex: veth.left, batch: 64)
            }
            let shared = try object.map("shared", key: UInt32.self, value: BasicValue.self)
            // The kernel's own neighbour discovery may arrive as well, past the devmap.
            try eventually { try shared.lookup(2)?.count ?? 0 >= 1000 }
            #expect(try shared.lookup(1)?.count == 1000)
            _ = consume link
        }
    }
}

/// Waits for something another CPU brings about; gives up, and fails, after ten seconds.
func eventually(_ condition: () throws -> Bool, _ location: SourceLocation = #_sourceLocation) throws {
    for _ in 0..<1000 {
        if try condition() { return }
        usleep(10_000)
    }
    Issue.record("it did not happen", sourceLocation: location)
}
