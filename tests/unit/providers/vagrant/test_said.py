"""Reading what `vagrant --machine-readable` says; the samples are those of the real program."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import Kind
from provision_vagrant import errors
from provision_vagrant.said import Said

STATUS = """\
1795332138,core-1,metadata,provider,libvirt
1795332138,core-1,provider-name,libvirt
1795332138,core-1,state,running
1795332138,core-2,state,shutoff
1795332138,,ui,info,Current machine states:\\n\\ncore-1    running (libvirt)
"""

FAILED = """\
1795332138,core-1,action,up,start
1795332138,core-2,action,up,start
1795332139,core-1,ui,detail,    core-1: Warning: Host unreachable. Retrying...
1795332189,core-2,action,up,end
1795332190,core-1,ui,error,The domain does not start%!(VAGRANT_COMMA) it says.
1795332190,,error-exit,Vagrant::Errors::BatchMultiError,An error occurred.\\n\\ncore-1: gone
/usr/lib/ruby/vendor_ruby: warning: something
"""


def test_states():
    assert Said.read(0, STATUS).states == {"core-1": "running", "core-2": "shutoff"}


def test_who_came_to_the_end():
    said = Said.read(1, FAILED)
    assert said.ended("up") == {"core-2"}
    assert said.failure == ("Vagrant::Errors::BatchMultiError", "An error occurred.\n\ncore-1: gone")
    assert said.complaints("core-1") == "The domain does not start, it says."
    assert said.rest == "/usr/lib/ruby/vendor_ruby: warning: something"


def test_what_was_said_of_the_machine_comes_first():
    error = errors.from_said("bringing up machine core-1", Said.read(1, FAILED, "up.log"), "core-1")
    assert error.message == "bringing up machine core-1: The domain does not start, it says."
    assert (error.code, error.hint) == ("BatchMultiError", "its log is up.log")


def test_the_meaning_of_errors():
    def kind(name, words=""):
        return errors.from_said("x", Said.read(1, f"1,,error-exit,{name},{words}\n")).kind

    assert kind("Vagrant::Errors::ProviderNotUsable") is Kind.UNSUPPORTED
    assert kind("Vagrant::Errors::BoxAddShortNotFound") is Kind.NOT_FOUND
    assert kind("Vagrant::Errors::MachineLocked") is Kind.CONFLICT
    assert kind("VagrantPlugins::ProviderLibvirt::Errors::NetworkNameAndAddressMismatch") is Kind.CONFLICT
    assert kind("VagrantPlugins::ProviderLibvirt::Errors::FogLibvirtConnectionError") is Kind.UNAVAILABLE
    assert kind("Vagrant::Errors::ConfigInvalid") is Kind.INVALID
    assert kind("Fog::Errors::Error", "write: No space left on device") is Kind.CAPACITY


def test_a_locked_machine_may_be_tried_again():
    assert errors.from_said("x", Said.read(1, "1,,error-exit,Vagrant::Errors::MachineLocked,no\n")).retryable


def test_the_index():
    text = "1,core-1,machine-id,0f3a\n1,core-1,provider-name,libvirt\n1,core-1,machine-home,/a%!(VAGRANT_COMMA)b\n"
    assert Said.read(0, text).index == [("core-1", "/a,b")]


@given(st.text())
@settings(max_examples=150)
def test_whatever_is_said_is_read(text):
    said = Said.read(0, text)
    assert len(said.lines) + len(said.rest.splitlines()) <= len(text.splitlines())
    assert all(isinstance(state, str) for state in said.states.values())
    said.complaints("core-1")
    assert len(said.failure) == 2
