# SPDX-License-Identifier: Apache-2.0
"""The cases of vjp_cases.py for ops with windows, order, linear algebra and control flow."""
