// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Finds the fastest SPI clock at which words arrive as they were sent.
///
/// It goes up from the slowest candidate and stops at the first that fails, because a clock that is too fast may turn an
/// address into another one. At each speed it reads before it writes: of the two directions the one from the card fails
/// first, since the clock has to travel there before the bit can travel back.
public struct SPISpeedTest: Sendable {
    /// Clocks to try, in hertz, in any order; those above `maximum` are left out.
    public var candidates: [Int]
    public var maximum: Int
    /// Batches of patterns at each speed.
    public var rounds: Int
    /// Start of the random patterns.
    public var seed: UInt64

    public init(
        candidates: [Int] = [1, 2, 4, 5, 8, 10, 12.5, 16, 20, 25, 31.25, 40, 50].map { Int($0 * 1_000_000) },
        maximum: Int = SpidevConfiguration.fastest, rounds: Int = 100, seed: UInt64 = 1
    ) {
        (self.candidates, self.maximum, self.rounds, self.seed) = (candidates, maximum, rounds, seed)
    }

    /// Measures, and leaves the device at the best speed, or, if none works, at the one it had.
    ///
    /// COMMON RW_TEST is written, and gets back what it held.
    public func run(on device: any AdjustableSPIDevice) throws(SPIError) -> SPISpeedReport {
        let speeds = Set(candidates).filter { $0 > 0 && $0 <= min(maximum, SpidevConfiguration.fastest) }.sorted()
        guard !speeds.isEmpty, rounds > 0 else {
            throw SPIError(
                .configuration(
                    "a speed test of \(rounds) rounds and \(speeds.count) speeds up to \(Frequency(maximum)) tests nothing"
                ))
        }
        let before = device.hertz
        var report = SPISpeedReport(rounds: rounds)
        var reference: Reference?
        for hertz in speeds {
            try device.setSpeed(hertz: hertz)
            let trial = trial(at: hertz, SPIRegisterBus(device), &reference)
            report.trials.append(trial)
            if trial.failure != nil { break }
        }
        try device.setSpeed(hertz: report.best ?? before)
        if let reference {
            do {
                try SPIRegisterBus(device).writeWord(BusRegisters.scratch, reference.scratch)
            } catch {
                // Where nothing works this does not either.
                if report.best != nil { throw SPIError(error.cause) }
            }
        }
        return report
    }

    /// What the slowest speed read.
    private struct Reference {
        var revision: UInt32
        var scratch: UInt32
    }

    private func trial(at hertz: Int, _ bus: SPIRegisterBus, _ reference: inout Reference?) -> SPISpeedReport.Trial {
        var trial = SPISpeedReport.Trial(hertz: hertz)
        do {
            var batch = [RegisterAccess.read(BusRegisters.mapRevision), .read(BusRegisters.scratch)]
            try bus.transfer(&batch)
            let expected = reference ?? Reference(revision: batch[0].value, scratch: batch[1].value)
            reference = expected
            for _ in 0..<rounds {
                var batch = [RegisterAccess](repeating: .read(BusRegisters.mapRevision), count: Self.batch)
                try bus.transfer(&batch)
                if let wrong = batch.first(where: { $0.value != expected.revision }) {
                    trial.failure = .mismatch(wrong.address, expected: expected.revision, found: wrong.value)
                    return trial
                }
            }
            var random = SplitMix(seed: seed)
            for _ in 0..<rounds {
                if let failure = try Self.patterns(bus, &random) {
                    trial.failure = failure
                    return trial
                }
                trial.rounds += 1
            }
        } catch {
            trial.failure = .bus(error)
        }
        return trial
    }

    private static let batch = 16

    /// Every bit alone, every bit missing, neighbours apart, and random words.
    private static func patterns(_ bus: SPIRegisterBus, _ random: inout SplitMix) throws(BusError) -> SPISpeedReport
        .Failure?
    {
        var words: [UInt32] = [0, ~0, 0x5555_5555, 0xaaaa_aaaa, 0x0f0f_0f0f, BusError.timeoutPattern]
        for bit in 0..<32 as Range<UInt32> { words += [1 << bit, ~(1 << bit)] }
        for _ in 0..<batch { words.append(random.next()) }
        var accesses: [RegisterAccess] = []
        for word in words { accesses += [.write(BusRegisters.scratch, word), .read(BusRegisters.scratch)] }
        try bus.transfer(&accesses)
        for (index, word) in words.enumerated() where accesses[index * 2 + 1].value != word {
            return .mismatch(BusRegisters.scratch, expected: word, found: accesses[index * 2 + 1].value)
        }
        return nil
    }
}

/// What a speed test found.
public struct SPISpeedReport: Hashable, Sendable {
    public enum Failure: Hashable, Sendable {
        case mismatch(RegisterAddress, expected: UInt32, found: UInt32)
        case bus(BusError)
    }

    public struct Trial: Hashable, Sendable {
        public var hertz: Int
        /// Rounds of patterns that came back as they were sent.
        public var rounds = 0
        /// nil: it works.
        public var failure: Failure?
    }

    /// Rounds asked for at each speed.
    public var rounds: Int
    /// From slow to fast; the last may have failed.
    public var trials: [Trial] = []

    /// In hertz; nil if no speed works.
    public var best: Int? { trials.last { $0.failure == nil }?.hertz }
}

extension SPISpeedReport: CustomStringConvertible {
    /// A line for each speed.
    public var description: String {
        trials.map { trial in
            let result =
                switch trial.failure {
                case nil: "works (\(trial.rounds) rounds)"
                case .mismatch(let address, let expected, let found):
                    "register \(address) gave 0x\(String(found, radix: 16)) instead of 0x\(String(expected, radix: 16)) "
                        + "after \(trial.rounds) of \(rounds) rounds"
                case .bus(let error): "\(error)"
                }
            return "\(Frequency(trial.hertz)): \(result)"
        }.joined(separator: "\n")
    }
}

/// Random words that are the same for the same seed (SplitMix64, Steele, Lea and Flood 2014).
private struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt32 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return UInt32(truncatingIfNeeded: (z ^ z >> 31) >> 32)
    }
}
