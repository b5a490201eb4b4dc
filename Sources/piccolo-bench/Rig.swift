// SPDX-License-Identifier: Apache-2.0
import BPF

enum BenchError: Error, CustomStringConvertible {
    case wrongVerdict(subject: String, expected: UInt32, found: UInt32)
    case command(String, status: Int32, output: String)
    case missing(String, remedy: String)
    case rejected(String, Int, String)

    var description: String {
        switch self {
        case .wrongVerdict(let subject, let expected, let found):
            "\(subject) answered XDP action \(found) where \(expected) is right; what it did is not what is measured"
        case .command(let command, let status, let output): "`\(command)` ended with \(status): \(output)"
        case .missing(let what, let remedy): "\(what) is not here; \(remedy)"
        case .rejected(let what, let count, let why): "\(count) \(what) were rejected, the first because: \(why)"
        }
    }
}

/// XDP actions (`enum xdp_action`).
enum XDPAction {
    static let drop: UInt32 = 1
    static let pass: UInt32 = 2
    static let redirect: UInt32 = 4
}

/// A program that is measured, and what keeps it alive.
final class Subject {
    let name: String
    let program: Program
    private let owner: AnyObject?

    init(_ name: String, _ program: consuming Program, owner: AnyObject? = nil) {
        self.name = name
        self.program = program
        self.owner = owner
    }
}

/// Runs subjects by test run under the driver, which restores the packet and picks the flow (`bpf/bench/driver.bpf.c`).
final class Rig {
    private let slot: BPFMap
    private let settings: MappedArray
    private var run: TestRun
    let drop: Subject
    private var sequence: UInt64 = 0

    init() throws {
        let object = try OpenObject(name: "driver", base64: DriverObject.base64).load()
        slot = try object.map("under_test")
        settings = try MappedArray(object.map("bench"))
        run = try TestRun(object.program("drive"), outputCapacity: 2048)
        drop = Subject("XDP_DROP (base)", try object.program("drop"))
    }

    /// Nanoseconds per packet, driver included. The kernel gives whole ones, cut off.
    func measure(
        _ subject: Subject, _ family: Family, _ workload: Workload, repetitions: Int,
        expecting action: UInt32 = XDPAction.redirect
    ) throws -> Double {
        try slot.setProgram(subject.program, at: 0)
        workload.store(into: settings, sequence: sequence)
        let outcome = try run.run(family.packet, repeat: Int32(repetitions))
        sequence &+= UInt64(repetitions)
        guard outcome.returnValue == action else {
            throw BenchError.wrongVerdict(subject: subject.name, expected: action, found: outcome.returnValue)
        }
        return Double(outcome.duration) + 0.5
    }
}

/// One comparison: subjects measured in turn, round after round; every figure is net of the base in its own round.
struct Comparison {
    var title: String
    var family: Family
    var workload: Workload
    var subjects: [Subject]
    /// Index of the subject the ratios refer to.
    var reference: Int
    var net: [[Double]]

    init(_ title: String, _ family: Family, _ workload: Workload, _ subjects: [Subject], reference: Int) {
        (self.title, self.family, self.workload) = (title, family, workload)
        (self.subjects, self.reference) = (subjects, reference)
        net = subjects.map { _ in [] }
    }

    mutating func round(_ rig: Rig, repetitions: Int) throws {
        let base = try rig.measure(rig.drop, family, workload, repetitions: repetitions, expecting: XDPAction.drop)
        for (index, subject) in subjects.enumerated() {
            net[index].append(try rig.measure(subject, family, workload, repetitions: repetitions) - base)
        }
    }

    /// Medians of ratios taken inside the rounds.
    func ratio(_ index: Int, to other: Int) -> Spread {
        Spread(zip(net[index], net[other]).map { $0 / max($1, 0.5) })
    }
}
