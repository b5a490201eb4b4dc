import TestSupport
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import BPF

@Suite("Objects", .enabled(if: kernelTestsRun))
struct ObjectTests {
    @Test("an embedded object loads and its programs answer test runs")
    func loads() throws {
        let object = try loadBasic()
        let program = try object.program("answer")
        #expect(program.id != 0 && program.tag.count == 16)
        var run = try TestRun(program)
        let outcome = try run.run(frame)
        #expect(outcome.returnValue == pass)
        #expect(run.outputBytes == frame)
    }

    @Test("a constant set before the load is what the program sees")
    func constant() throws {
        let open = try openBasic()
        try open.setGlobal("verdict", to: UInt32(1))
        let object = try open.load()
        var run = try TestRun(object.program("answer"))
        #expect(try run.run(frame).returnValue == 1)
    }

    @Test("a constant of the wrong size or name is refused, and the names there are get listed")
    func wrongConstant() throws {
        let open = try openBasic()
        let size = #expect(throws: BPFError.self) { try open.setGlobal("verdict", to: UInt64(1)) }
        #expect("\(try #require(size))".contains("size of verdict is 4 bytes in the kernel"))
        let name = #expect(throws: BPFError.self) { try open.setGlobal("verdicts", to: UInt32(1)) }
        #expect("\(try #require(name))".contains("verdict, marker"))
    }

    @Test("an initialised global of the data section can be set as well")
    func globalData() throws {
        let open = try openBasic()
        try open.setGlobal("runs", to: UInt64(40))
        let object = try open.load()
        var run = try TestRun(object.program("answer"))
        _ = try run.run(frame, repeat: 2)
        let data = try object.map(".data", key: UInt32.self, value: UInt64.self)
        #expect(try data.lookup(0) == 42)
    }

    @Test("a refused program is named, with the verifier's whole log and nothing on stderr")
    func rejected() throws {
        let open = try OpenObject(name: "rejected", base64: RejectedObject.base64)
        let before = BPFInventory.snapshot()
        var caught: BPFError?
        do throws(BPFError) { _ = try open.load() } catch { caught = error }
        guard case .verifierRejected(let program, let object, let errno, let log, _)? = caught else {
            Issue.record("not a verifier error: \(String(describing: caught))")
            return
        }
        #expect(program == "reads_beyond" && object == "rejected" && errno.name == "EACCES")
        #expect(log.hasPrefix("0: R1=ctx()") || log.contains("R1=ctx() R10=fp0"))
        #expect(log.contains("invalid access to packet"))
        #expect(log.contains("processed ") && log.contains("peak_states"))
        #expect(BPFInventory.snapshot().added(since: before).filter { $0.contains("reads_beyond") }.isEmpty)
    }

    @Test("a map the kernel will not create is named by what the library printed")
    func badMap() throws {
        let open = try openBasic()
        try open.setMaxEntries(0, ofMap: "table")
        var caught: BPFError?
        do throws(BPFError) { _ = try open.load() } catch { caught = error }
        #expect(caught?.errno == .invalid && "\(caught as Any)".contains("table"))
    }

    @Test("a program left out is not loaded, and the others are")
    func leftOut() throws {
        let open = try OpenObject(name: "rejected", base64: RejectedObject.base64)
        try open.setLoads(false, program: "reads_beyond")
        let object = try open.load()
        var run = try TestRun(object.program("innocent"))
        #expect(try run.run(frame).returnValue == pass)
        var caught: BPFError?
        do throws(BPFError) { _ = try object.program("reads_beyond") } catch { caught = error }
        #expect("\(caught as Any)".contains("reads_beyond"))
    }

    @Test("bytes that are no object are refused with a reason")
    func garbage() throws {
        let error = #expect(throws: BPFError.self) { _ = try OpenObject(name: "junk", image: [1, 2, 3, 4]) }
        guard case .badImage("junk", let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("a program or map that is not there is answered with those that are")
    func notFound() throws {
        let object = try loadBasic()
        var texts: [String] = []
        do throws(BPFError) { _ = try object.program("nope") } catch { texts.append("\(error)") }
        do throws(BPFError) { _ = try object.map("nope") } catch { texts.append("\(error)") }
        #expect(texts.count == 2)
        #expect(texts[0].contains("answer, first_byte"))
        #expect(texts[1].contains("per_cpu, shared, chain"))
    }
}
