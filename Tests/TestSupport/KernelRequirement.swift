// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

/// Whether this process may make network namespaces and load BPF programs.
public enum KernelRequirement {
    /// Set to 1 where tests that need the kernel must run: a machine that cannot run them then fails.
    public static let variable = "PICCOLO_REQUIRE_KERNEL"

    /// True for root. False elsewhere, unless the variable forbids skipping.
    ///
    /// - Throws: `Unavailable` if skipping is forbidden and this is not root.
    public static func isMet() throws -> Bool {
        if geteuid() == 0 { return true }
        if let value = getenv(variable), String(cString: value) == "1" { throw Unavailable() }
        return false
    }

    /// The tests must run, and cannot.
    public struct Unavailable: Error, CustomStringConvertible {
        /// Says what to do.
        public var description: String {
            "\(KernelRequirement.variable)=1 forbids skipping, but user \(geteuid()) may not make network namespaces: "
                + "run the tests as root"
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// For tests that make network namespaces or load BPF programs: skipped without root, or, where
    /// `PICCOLO_REQUIRE_KERNEL=1` is set, failed.
    public static var requiresKernel: ConditionTrait {
        .enabled("needs root for network namespaces and BPF") { try KernelRequirement.isMet() }
    }
}
