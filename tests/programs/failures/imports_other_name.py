"""Imports a module whose package has another name."""

import cv2
