"""Our own plugins, at the door where anyone's stand."""

from ccmimolink.builtin.hosted_tools import HostedToolFilter
from ccmimolink.builtin.image_routing import ImageRouting
from ccmimolink.builtin.model_routing import ModelRouting
from ccmimolink.builtin.xml_tool_call import XmlToolCallParser

model_routing = ModelRouting()
image_routing = ImageRouting()
hosted_tools = HostedToolFilter()
xml_tool_call = XmlToolCallParser()
