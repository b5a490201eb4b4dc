// SPDX-License-Identifier: Apache-2.0

/// What is going on when the daemon is killed, and when that is; all of it follows from the seed.
public struct SoakScenario: Sendable, Hashable {
    public enum Activity: String, CaseIterable, Sendable {
        /// Static flows, stations and neighbours are written by clients; learned flows stay valid.
        case entries
        /// Routes, next hops and ACL entries are written; learned flows are learned again after each batch.
        case policy
        /// `piccolo apply` of one configuration and another in turn.
        case apply
        /// The configuration file changes, and is read again.
        case reload
        case reconcile
        /// `piccolo program replace`.
        case replacement
        /// Thousands of short-lived flows come and are removed by age.
        case ageing
        /// Nothing but the start itself, which is killed as well.
        case start
        /// Neighbours and interfaces of the host come and go.
        case facts
        /// As `entries`; ended by SIGTERM with `--keep-on-exit` instead.
        case keep
    }

    public var seed: UInt64
    public var activity: Activity
    /// From the beginning of the activity to the signal, microseconds.
    public var delay: Int
    /// Starts that are killed before the one that is left alone: after so many microseconds each.
    public var killedStarts: [Int]

    public init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        // In turn, so that few seeds have all of them.
        activity = Activity.allCases[Int(seed % UInt64(Activity.allCases.count))]
        delay = Int.random(in: 0...400_000, using: &random)
        let starts =
            activity == .start
            ? Int.random(in: 1...3, using: &random) : [0, 0, 1][Int.random(in: 0...2, using: &random)]
        // A start takes some 300 ms, more on a busy machine.
        killedStarts = (0..<starts).map { _ in Int.random(in: 5_000...500_000, using: &random) }
    }

    /// Nothing that happens changes policy: learned flows stay valid all the time.
    var isQuiet: Bool {
        switch activity {
        case .entries, .reconcile, .replacement, .ageing, .start, .keep: true
        case .policy, .apply, .reload, .facts: false
        }
    }
}

extension SoakScenario: CustomStringConvertible {
    public var description: String {
        let signal = activity == .keep ? "SIGTERM" : "SIGKILL"
        func milliseconds(_ time: Int) -> String { "\(Double(time / 100) / 10) ms" }
        let starts = killedStarts.map { ", a start killed after \(milliseconds($0))" }.joined()
        return "\(activity.rawValue), \(signal) after \(milliseconds(delay))\(starts)"
    }
}
